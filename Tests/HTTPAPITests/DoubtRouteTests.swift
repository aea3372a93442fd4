import EventLog
import HTTPTypes
import MailEvents
import MailModel
import MailProjections
import Orders
import Testing

@testable import HTTPAPI

@Suite("Mail in doubt over HTTP")
struct DoubtRouteTests {
    /// A recipient that is held.
    private func hold(_ api: TestAPI, _ address: String) async throws -> String {
        let text = try await api.accept(address)
        let id = try #require(MessageID(text))
        let message = try #require(await api.folds.withQueue { $0.message(id) } ?? nil)
        let reference = RecipientReference(
            message: id, number: 0, mailbox: message.recipients[0].mailbox, tenant: message.tenant,
            campaign: message.campaign)
        let attempt = Attempt(
            number: 1, reply: Reply(354, nil, "go"), command: "data",
            peer: DeliveryPeer(
                host: "mx.example.org", address: "192.0.2.9", port: 25, sourceAddress: "192.0.2.1"))
        try await api.append([
            .attempted(DeliveryAttempted(recipient: reference, attempt: attempt)),
            .deferred(
                DeliveryDeferred(
                    recipient: reference, attempt: attempt, class: .badConnection, saidBy: .local,
                    nextDue: EventTime(microseconds: 0), inDoubt: true)),
        ])
        let last = try api.log.reader.lastSequence()
        while await api.folds.withQueue({ $0.lastSequence }) ?? .max < last { await Task.yield() }
        return text
    }

    @Test("Held is listed, counted, and decided by a recipient's name")
    func decides() async throws {
        let api = try await TestAPI()
        let id = try await hold(api, "a@example.org")
        _ = try await hold(api, "b@example.org")
        let list = try await api.call(
            .get, "/api/v1/queue/held?recipient=a@example.org", key: "read")
        #expect(list.status == 200 && list.json["recipients"].count == 1)
        let row = list.json["recipients"][0]
        #expect(row["message_id"].text == id && row["state"].text == "held")
        #expect(row["mx"]["host"].text == "mx.example.org" && row["attempt"].number == 1)
        #expect(!row["since"].text.isEmpty && !row["announced"].text.isEmpty)
        let queue = try await api.call(.get, "/api/v1/queue?by=domain", key: "read")
        #expect(queue.json["held_in_doubt"].number == 2 && queue.json["held"].number == 0)
        #expect(queue.json["rows"][0]["held_in_doubt"].number == 2)
        let done = try await api.post(
            "/api/v1/queue/decide",
            #"{"decision": "assume-delivered", "recipient": "A@example.org", "reason": "seen"}"#)
        #expect(done.status == 200 && done.json["changed"].isTrue, "\(done.text)")
        #expect(
            done.json["recipients"].number == 1 && done.json["decision"].text == "assume-delivered")
        let rest = try await api.call(.get, "/api/v1/queue/held", key: "read")
        #expect(rest.json["recipients"].count == 1)
        let next = rest.json["next"].text
        let end = try await api.call(.get, "/api/v1/queue/held?after=\(next)", key: "read")
        #expect(end.json["recipients"].count == 0 && end.json["next"] == .null)
    }

    @Test(
        "What cannot be decided is refused, and nothing is appended",
        arguments: [
            "{}", #"{"all": true}"#, #"{"all": true, "decision": "forget"}"#,
            #"{"decision": "retry"}"#, #"{"decision": "retry", "recipient": "nobody"}"#,
            #"{"decision": "retry", "all": true, "domian": "x"}"#,
        ])
    func refused(_ body: String) async throws {
        let api = try await TestAPI()
        let answer = try await api.post("/api/v1/queue/decide", body)
        #expect(answer.status == 422, "\(body): \(answer.text)")
        #expect(try api.events().isEmpty)
        for query in ["after=1", "message_id=x", "recipient=x", "limit=0", "other=1"] {
            let list = try await api.call(.get, "/api/v1/queue/held?\(query)", key: "read")
            #expect(list.status == 400, "\(query): \(list.text)")
        }
    }
}
