import EventLog
import HTTPTypes
import MailEvents
import Testing
import WaybillTesting

@testable import HTTPAPI

@Suite("Idempotency keys")
struct IdempotencyTests {
    private static func message(
        _ subject: String, to recipient: String = "ann@example.net"
    ) -> String {
        """
        {"sender": "b@example.org", "recipients": ["\(recipient)", "wrong"], "content": \
        {"from": "shop@example.org", "to": "x@example.org", "subject": "\(subject)", "text": "Hi"}}
        """
    }

    @Test("The same request again gets the same answer and is not sent again, also after a restart")
    func repeated() async throws {
        let directory = try TemporaryDirectory()
        let first: String
        do {
            let api = try await TestAPI(directory: directory)
            let answer = try await api.inject(
                Self.message("a"), headers: ["Idempotency-Key": "order-1"])
            #expect(answer.status == 200)
            first = answer.text
            let again = try await api.inject(
                Self.message("a"), headers: ["Idempotency-Key": "order-1"])
            #expect(again.text == first)
            #expect(again.headers[.init("Idempotency-Replayed") ?? .accept] == "true")
            #expect(try api.events().count == 2)
        }
        let api = try await TestAPI(directory: directory)
        #expect(api.services.idempotency.count == 1)
        let again = try await api.inject(
            Self.message("a"), headers: ["Idempotency-Key": "order-1"])
        #expect(again.status == 200)
        #expect(again.text == first)
        #expect(try api.events().count == 2)
    }

    @Test("The same key with another message is refused; another tenant's same key is not")
    func different() async throws {
        let api = try await TestAPI()
        let key = ["Idempotency-Key": "order-1"]
        #expect(try await api.inject(Self.message("a"), key: "acme", headers: key).status == 200)
        let other = try await api.inject(Self.message("b"), key: "acme", headers: key)
        #expect(other.status == 422)
        #expect(other.json["type"].text == "/docs#idempotency-key-reused")
        let moved = try await api.inject(
            Self.message("a", to: "c@example.net"), key: "acme", headers: key)
        #expect(moved.status == 422)
        #expect(try await api.inject(Self.message("a"), key: "zeta", headers: key).status == 200)
        #expect(try api.events().count == 4)
    }

    @Test("A request that could not be recorded may be tried again under its key")
    func abandoned() async throws {
        let api = try await TestAPI()
        let key = ["Idempotency-Key": "order-1"]
        api.log.failAppends(EventLogError(.writeFailed, "no"))
        #expect(try await api.inject(Self.message("a"), headers: key).status == 503)
        api.log.failAppends(nil)
        #expect(try await api.inject(Self.message("a"), headers: key).status == 200)
    }

    @Test("A claimed key is busy until it is finished or abandoned")
    func busy() {
        let table = IdempotencyTable(capacity: 2, seconds: 10)
        let key = IdempotencyTable.Key(tenant: "", key: "a")
        #expect(table.begin(key, fingerprint: [1], now: 0) == .new)
        #expect(table.begin(key, fingerprint: [1], now: 0) == .busy)
        #expect(table.begin(key, fingerprint: [2], now: 0) == .different)
        table.abandon(key)
        #expect(table.begin(key, fingerprint: [2], now: 0) == .new)
        let receipt = AppendReceipt(epoch: 1, firstSequence: 7)
        table.finish(key, receipt: receipt)
        table.abandon(key)
        #expect(table.begin(key, fingerprint: [2], now: 9) == .known(receipt))
        #expect(table.begin(key, fingerprint: [2], now: 10) == .new)
    }

    @Test("The oldest keys are forgotten first when there are too many")
    func bounded() {
        let table = IdempotencyTable(capacity: 2, seconds: 1000)
        let receipt = AppendReceipt(epoch: 1, firstSequence: 1)
        for (time, name) in ["a", "b", "c"].enumerated() {
            table.remember(
                IdempotencyTable.Key(tenant: "", key: name), fingerprint: [1], receipt: receipt,
                time: Int64(time))
        }
        #expect(table.count == 2)
        let last = IdempotencyTable.Key(tenant: "", key: "c")
        #expect(table.begin(last, fingerprint: [1], now: 3) == .known(receipt))
        let first = IdempotencyTable.Key(tenant: "", key: "a")
        #expect(table.begin(first, fingerprint: [1], now: 3) == .new)
    }
}
