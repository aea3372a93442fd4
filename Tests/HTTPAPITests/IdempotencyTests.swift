import EventLog
import HTTPTypes
import MailEvents
import MailModel
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

    @Test("A key with messages of several tenants is refused: the log is read back by tenant")
    func severalTenants() async throws {
        let api = try await TestAPI()
        let message = #"""
            {"sender": "s@a.cc", "recipients": [
             {"address": "ann@b.cc", "substitutions": {"tenant": "one"}},
             {"address": "bob@b.cc", "substitutions": {"tenant": "two"}}],
             "content": "X-Tenant: {{tenant}}\r\nSubject: a\r\n\r\nHi"}
            """#
        let answer = try await api.inject(message, headers: ["Idempotency-Key": "order-1"])
        #expect(answer.status == 422)
        #expect(answer.json["detail"].text.contains("send one request a tenant"))
        #expect(api.services.idempotency.count == 0)
        #expect(try api.events().isEmpty)
        #expect(try await api.inject(message).status == 200)
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

    private static func key(_ name: String) -> IdempotencyTable.Key {
        IdempotencyTable.Key(tenant: "", key: name)
    }

    @Test("A key that is worked on is not forgotten, however many come after it, or how late")
    func underWay() {
        let table = IdempotencyTable(capacity: 2, seconds: 10)
        let receipt = AppendReceipt(epoch: 1, firstSequence: 1)
        #expect(table.begin(Self.key("a"), fingerprint: [1], now: 0) == .new)
        for name in ["b", "c", "d"] {
            #expect(table.begin(Self.key(name), fingerprint: [1], now: 1) == .new)
            table.finish(Self.key(name), receipt: receipt)
        }
        #expect(table.begin(Self.key("a"), fingerprint: [1], now: 1) == .busy)
        #expect(table.begin(Self.key("a"), fingerprint: [1], now: 20) == .busy)
        #expect(table.count == 1)
        table.finish(Self.key("a"), receipt: receipt)
        #expect(table.begin(Self.key("a"), fingerprint: [1], now: 20) == .new)
    }

    @Test("Keys that are given up leave nothing behind, also while an older one is worked on")
    func givenUp() {
        let table = IdempotencyTable(capacity: 10, seconds: 1000)
        #expect(table.begin(Self.key("first"), fingerprint: [1], now: 0) == .new)
        for number in 0..<100_000 {
            _ = table.begin(Self.key("\(number)"), fingerprint: [1], now: 0)
            table.abandon(Self.key("\(number)"))
        }
        #expect(table.count == 1)
        #expect(table.usesNoted <= 2 * APILimits.idempotencyRemains)
        #expect(table.begin(Self.key("first"), fingerprint: [1], now: 0) == .busy)
    }

    @Test("Of the log's keys no more are kept than are remembered and as many again")
    func recall() {
        let table = IdempotencyTable(capacity: 2000, seconds: 1000)
        var recall = KeyRecall(table: table)
        let session = IngressSession(listener: "http", serverName: "", transmissionType: .http)
        for sequence in 1...UInt64(6001) {
            let received = MessageReceived(
                reversePath: .null, sizeOctets: 1, contentSHA256: ContentHash.none,
                recipientCount: 1, session: session, idempotencyKey: "order \(sequence)")
            recall.take(
                RecordedEvent(
                    sequence: sequence, epoch: 1,
                    event: Event(time: TestClock.now, fact: .received(received))))
        }
        // The last one is complete when something else follows.
        #expect(table.count == 2000)
        #expect(recall.keys.count <= 2 * 2000 + APILimits.idempotencyRemains)
        #expect(recall.keys[6000] == Self.key("order 6000"))
    }
}
