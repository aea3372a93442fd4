import MailEvents
import MailModel
import MailProjections
import Testing

@testable import Orders

@Suite("Orders: feedback")
struct FeedbackTests {
    private let acme = OrderGiver(name: "shop", tenant: "acme")

    private func references(_ test: TestDesk, _ id: MessageID) throws -> [RecipientReference] {
        try test.facts().compactMap { fact in
            guard case .queued(let queued) = fact, queued.recipient.message == id else {
                return nil
            }
            return queued.recipient
        }
    }

    @Test("A complaint is recorded, and suppresses the address for the tenant where that is asked")
    func complaint() async throws {
        let test = try TestDesk()
        let id = try await test.accept(["Ann@example.org"], tenant: "acme", campaign: "spring")
        var feedback = Feedback(.complaint(type: "abuse"), message: id)
        feedback.suppresses = true
        let recipients = try references(test, id)
        let route = DeliveryRoute(host: "mx.example.org", sourceAddress: "192.0.2.1")
        let result = try await test.desk.record(
            feedback, recipients: recipients, routes: [0: route, 1: DeliveryRoute()], by: acme)
        #expect(result.sequence == 3 && result.hasSuppressed)
        guard case .complained(let fact) = try test.facts()[2] else {
            Issue.record("not recorded")
            return
        }
        #expect(fact.recipient.campaign == "spring" && fact.feedbackType == "abuse")
        #expect(fact.route == route)
        let entry =
            await test.state.withSuppression {
                $0.entry(SuppressedAddress(tenant: "acme", localPart: "ann", domain: "example.org"))
            } ?? nil
        #expect(entry?.reason == "complained (abuse)")
        let again = try await test.desk.record(feedback, recipients: recipients, by: acme)
        #expect(!again.hasSuppressed)
    }

    @Test("A late bounce has the class of its reply")
    func bounce() async throws {
        let test = try TestDesk()
        let id = try await test.accept(["ann@example.org", "bob@example.org"])
        let reply = Reply(550, EnhancedStatusCode(5, 2, 2), "over quota")
        let recipients = try references(test, id)
        await #expect(throws: OrderError.self) {
            try await test.desk.record(
                Feedback(.bounce(reply), message: id), recipients: recipients,
                by: OrderGiver(name: "cli"))
        }
        let feedback = Feedback(
            .bounce(reply), message: id, recipient: Mailbox(localPart: "BOB", domain: "example.org")
        )
        let result = try await test.desk.record(
            feedback, recipients: recipients, by: OrderGiver(name: "cli"))
        #expect(result.recipient.number == 1 && !result.hasSuppressed)
        guard case .bouncedLater(let fact)? = try test.facts().last else {
            Issue.record("not recorded")
            return
        }
        #expect(fact.class == .quotaIssues && fact.saidBy == .remote)
    }

    @Test("Another tenant's message is answered as one that is not there")
    func foreign() async throws {
        let test = try TestDesk()
        let id = try await test.accept(["ann@example.org"], tenant: "zeta")
        let feedback = Feedback(.complaint(type: "abuse"), message: id)
        for recipients in [try references(test, id), []] {
            await #expect(throws: OrderError.notFound("The log has no message \(id).")) {
                try await test.desk.record(feedback, recipients: recipients, by: acme)
            }
        }
        #expect(try test.facts().count == 2)
    }
}
