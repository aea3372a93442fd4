import MailModel
import SMTPProtocol
import Testing

@testable import waybill

@Suite("The receiving test server")
struct SinkRulesTests {
    private func message(to mailboxes: String...) -> CompletedMessage {
        let recipients = mailboxes.map { text in
            let parts = text.split(separator: "@").map(String.init)
            return EnvelopeRecipient(mailbox: Mailbox(localPart: parts[0], domain: parts[1]))
        }
        return CompletedMessage(
            envelope: Envelope(reversePath: .null, recipients: recipients),
            content: Array("x".utf8), session: ServerSessionFacts())
    }

    @Test("a mailbox without a rule is accepted and counted")
    func accepted() {
        let rules = SinkRules(refused: [], bounced: [], deferred: [:])
        #expect(rules.answer(to: message(to: "a@b.example", "c@b.example")).code == 250)
        #expect(rules.counts.messages == 1)
        #expect(rules.counts.recipients == 2)
    }

    @Test("bounced mailboxes stay so, in any case of letters")
    func permanent() {
        let rules = SinkRules(refused: [], bounced: ["Full@b.example"], deferred: [:])
        for _ in 0..<2 {
            #expect(rules.answer(to: message(to: "full@B.example")).code == 554)
        }
        #expect(rules.counts.bounced == 2)
        #expect(rules.counts.messages == 0)
    }

    @Test("a deferred mailbox is accepted after so many tries")
    func deferred() {
        let rules = SinkRules(refused: [], bounced: [], deferred: ["busy@b.example": 2])
        let codes = (0..<4).map { _ in rules.answer(to: message(to: "busy@b.example")).code }
        #expect(codes == [451, 451, 250, 250])
    }
}
