import Logging
import MailEvents
import MailModel
import Testing

@testable import Delivery

@Suite("Log lines about a message")
struct ActiveMessageTests {
    private func received(sessionID: String) -> MessageReceived {
        MessageReceived(
            reversePath: .null, sizeOctets: 1, contentSHA256: [UInt8](repeating: 1, count: 32),
            recipientCount: 1, tenant: "acme",
            session: IngressSession(
                listener: "in", serverName: "mx.example.net", transmissionType: .esmtp,
                sessionID: sessionID))
    }

    @Test("name it, whose it is, and the session that brought it where that is in memory")
    func logged() {
        let message = ActiveMessage(
            facts: MessageFacts(
                id: Fixture.id, receivedAt: Fixture.start, received(sessionID: "1a.2")))
        var expected: Logger.Metadata = [
            "reply": "250 ok", "message_id": "\(Fixture.id)", "tenant_id": "acme",
        ]
        #expect(message.logged(["reply": "250 ok"]) == expected)
        message.stored = ActiveMessage.Stored(received: received(sessionID: "1a.2"), content: [])
        expected["session_id"] = "1a.2"
        #expect(message.logged(["reply": "250 ok"]) == expected)
    }

    @Test("name no session where nobody had one")
    func withoutSession() {
        let message = ActiveMessage(facts: Fixture.facts())
        message.stored = ActiveMessage.Stored(received: received(sessionID: ""), content: [])
        #expect(message.logged([:])["session_id"] == nil)
    }
}
