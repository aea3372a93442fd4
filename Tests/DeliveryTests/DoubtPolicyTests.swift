import EventLog
import MailModel
import Testing

@testable import Delivery

@Suite("Policy of mail in doubt")
struct DoubtPolicyTests {
    @Test("The first rule that fits counts, otherwise the default")
    func rules() {
        let hold = DoubtPolicy.Terms(mode: .hold, decideAfterSeconds: 60, verdict: .bounce)
        let policy = DoubtPolicy(rules: [
            .init(queues: QueuePattern(tenant: "acme"), terms: hold),
            .init(queues: QueuePattern(domain: .exactly("a.example")), terms: .init(mode: .hold)),
        ])
        func terms(_ tenant: String, _ domain: String) -> DoubtPolicy.Terms {
            policy.terms(for: QueueName(campaign: "", tenant: tenant, domain: domain))
        }
        #expect(terms("acme", "a.example") == hold)
        #expect(terms("", "a.example").mode == .hold)
        #expect(terms("", "b.example") == DoubtPolicy.Terms())
        #expect(policy.mayHold && policy.mayDecide)
        #expect(!DoubtPolicy().mayHold && !DoubtPolicy().mayDecide)
        #expect(DoubtPolicy(standard: .init(mode: .hold)).mayHold)
    }
}
