import EventLog
import HTTPTypes
import MailEvents
import MailModel
import MailProjections
import Orders
import Testing

@testable import HTTPAPI

extension TestAPI {
    /// `POST` with JSON.
    func post(_ path: String, _ json: String, key: String = "operate") async throws -> TestAnswer {
        try await call(
            .post, path, key: key, headers: ["Content-Type": "application/json"],
            body: Array(json.utf8))
    }

    /// Hands in a message for one recipient; returns its id once the folds have it.
    @discardableResult
    func accept(
        _ recipient: String, key: String = "inject", campaign: String = "x"
    ) async throws
        -> String
    {
        let answer = try await inject(
            """
            {"sender": "", "recipients": ["\(recipient)"], "campaign": "\(campaign)", \
            "content": "Subject: x\\n\\nx"}
            """, key: key)
        let last = try log.reader.lastSequence()
        while await folds.withQueue({ $0.lastSequence }) ?? .max < last { await Task.yield() }
        return answer.json["results"][0]["message_id"].text
    }
}

@Suite("Orders over HTTP")
struct OrderRouteTests {
    @Test("Suspend, list, requeue, resume, cancel: each says what it came to")
    func orders() async throws {
        let api = try await TestAPI()
        try await api.accept("a@example.org")
        let body = #"{"domain": "Example.org", "reason": "slow", "duration_seconds": 60}"#
        let suspended = try await api.post("/api/v1/queue/suspend", body)
        #expect(suspended.status == 200)
        #expect(suspended.json["changed"].isTrue && suspended.json["held"].number == 1)
        #expect(suspended.json["scope"]["domain"].text == "example.org")
        #expect(suspended.json["sequence"].number == 3)
        let list = try await api.call(.get, "/api/v1/queue/suspensions", key: "read")
        let row = list.json["suspensions"][0]
        #expect(list.json["total"].number == 1 && row["reason"].text == "slow")
        #expect(row["actor"].text == "operate" && row["until"].text.hasPrefix("2027-01-15T08:01"))
        let queue = try await api.call(.get, "/api/v1/queue?by=campaign", key: "read")
        #expect(queue.json["rows"][0]["campaign"].text == "x")
        #expect(queue.json["rows"][0]["held"].number == 1)
        let scope = #"{"domain": "example.org"}"#
        let requeued = try await api.post("/api/v1/queue/requeue", scope)
        #expect(requeued.json["changed"].isTrue && requeued.json["held"].number == 1)
        let resumed = try await api.post("/api/v1/queue/resume", scope)
        #expect(resumed.json["changed"].isTrue && resumed.json["held"].number == 0)
        let cancelled = try await api.post("/api/v1/queue/cancel", #"{"all": true}"#)
        #expect(cancelled.json["recipients"].number == 1)
        let after = try await api.call(.get, "/api/v1/queue", key: "read")
        #expect(after.json["recipients"].number == 0 && after.json["total_rows"].number == 0)
    }

    @Test("A cancellation tells how far it is to who takes lines, the result last")
    func progress() async throws {
        let api = try await TestAPI()
        for number in 0..<3 { try await api.accept("r\(number)@example.org") }
        let answer = try await api.call(
            .post, "/api/v1/queue/cancel", key: "operate",
            headers: ["Content-Type": "application/json", "Accept": "application/x-ndjson"],
            body: Array(#"{"all": true}"#.utf8))
        let lines = answer.text.split(separator: "\n").compactMap { JSONValue(Array($0.utf8)) }
        #expect(lines.first?["progress"]["done"].number == 3)
        #expect(lines.last?["recipients"].number == 3 && lines.last?["changed"].isTrue == true)
        // Nothing to be done: no lines, one answer.
        let again = try await api.call(
            .post, "/api/v1/queue/cancel", key: "operate",
            headers: ["Content-Type": "application/json", "Accept": "application/x-ndjson"],
            body: Array(#"{"all": true}"#.utf8))
        #expect(again.headers[.contentType] == "application/json")
        #expect(again.json["changed"] == .bool(false))
    }

    @Test(
        "What cannot be carried out is refused, and nothing is appended",
        arguments: [
            ("{}", 422), ("[]", 400), ("{", 400), (#"{"all": false}"#, 422),
            (#"{"all": true, "domain": "example.org"}"#, 422), (#"{"domain": "a b"}"#, 422),
            (#"{"domian": "example.org"}"#, 422), (#"{"tenant": 7}"#, 422),
            (#"{"all": true, "until": "yesterday"}"#, 422),
            (#"{"all": true, "until": "2001-01-01"}"#, 422),
            (#"{"all": true, "duration_seconds": 0}"#, 422),
            (#"{"all": true, "duration_seconds": 99999999999999999999}"#, 422),
            (#"{"all": true, "until": "2040-01-01", "duration_seconds": 5}"#, 422),
            (#"{"all": true, "reason": "two\nlines"}"#, 422),
            (#"{"message_id": "nonsense"}"#, 422),
        ])
    func refused(_ body: String, _ status: Int) async throws {
        let api = try await TestAPI()
        let answer = try await api.post("/api/v1/queue/suspend", body)
        #expect(answer.status == status, "\(body): \(answer.text)")
        #expect(answer.headers[.contentType] == "application/problem+json")
        #expect(try api.events().isEmpty)
    }

    @Test("A body that says not what it is, or is too large, is refused")
    func bodies() async throws {
        let api = try await TestAPI()
        let plain = try await api.call(
            .post, "/api/v1/queue/suspend", key: "operate",
            headers: ["Content-Type": "text/plain"], body: Array(#"{"all": true}"#.utf8))
        #expect(plain.status == 415)
        let reason = String(repeating: "x", count: APILimits.orderOctets)
        let large = try await api.post("/api/v1/queue/suspend", #"{"reason": "\#(reason)"}"#)
        #expect(large.status == 413)
    }

    @Test("A tenant's key acts on its own queue, sees its own, and lifts nothing of an operator's")
    func tenants() async throws {
        let api = try await TestAPI()
        try await api.accept("a@example.org", key: "acme", campaign: "spring")
        try await api.accept("z@example.net", key: "zeta", campaign: "secret")
        let everything = #"{"all": true}"#
        #expect(
            try await api.post("/api/v1/queue/suspend", #"{"tenant": "zeta"}"#, key: "acme").status
                == 403)
        let own = try await api.post("/api/v1/queue/suspend", everything, key: "acme")
        #expect(own.json["scope"]["tenant"].text == "acme" && own.json["recipients"].number == 1)
        _ = try await api.post("/api/v1/queue/suspend", #"{"tenant": "zeta"}"#)
        #expect(
            try await api.post("/api/v1/queue/resume", everything, key: "zeta").status == 403)
        for path in ["/api/v1/queue?by=campaign", "/api/v1/queue?by=queue", "/api/v1/queue"] {
            let seen = try await api.call(.get, path, key: "acme")
            #expect(seen.json["recipients"].number == 1 && seen.json["rows"].count == 1)
            #expect(!seen.text.contains("secret") && !seen.text.contains("example.net"))
        }
        #expect(
            try await api.call(.get, "/api/v1/queue?tenant=zeta", key: "acme").status == 403)
        let list = try await api.call(.get, "/api/v1/queue/suspensions", key: "acme")
        #expect(list.json["total"].number == 1 && !list.text.contains("zeta"))
        let cancelled = try await api.post("/api/v1/queue/cancel", everything, key: "acme")
        #expect(cancelled.json["recipients"].number == 1)
        #expect(await api.folds.withQueue { $0.counts.recipients } == 1)
    }

    @Test("Pages of suspensions follow each other")
    func pages() async throws {
        let api = try await TestAPI()
        for number in 0..<5 {
            _ = try await api.post("/api/v1/queue/suspend", #"{"domain": "d\#(number).example"}"#)
        }
        var seen: [String] = []
        var after = 0
        repeat {
            let page = try await api.call(
                .get, "/api/v1/queue/suspensions?limit=2&after=\(after)", key: "read")
            seen += page.json["suspensions"].elements.map { $0["scope"]["domain"].text }
            after = page.json["next"].number
        } while after > 0
        #expect(seen == (0..<5).map { "d\($0).example" })
        for query in ["limit=0", "limit=10001", "after=-1", "nonsense=1"] {
            let answer = try await api.call(.get, "/api/v1/queue/suspensions?\(query)", key: "read")
            #expect(answer.status == 400, "\(query)")
        }
        #expect(try await api.call(.get, "/api/v1/queue?by=moon", key: "read").status == 400)
    }
}
