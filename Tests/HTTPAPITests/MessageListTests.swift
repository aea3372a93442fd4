import EventLog
import HTTPTypes
import MailEvents
import MailProjections
import Projections
import Testing

@testable import HTTPAPI

@Suite("Lists of messages")
struct MessageListTests {
    private func body(
        _ recipients: [String], sender: String = "s@example.org", campaign: String
    )
        -> String
    {
        let list = recipients.map { "\"\($0)\"" }.joined(separator: ", ")
        return """
            {"sender": "\(sender)", "recipients": [\(list)], "campaign": "\(campaign)", \
            "content": "Subject: x\\n\\nx"}
            """
    }

    /// Five messages of acme, then two of zeta; ids in the order of acceptance.
    private func filled() async throws -> (api: TestAPI, ids: [String]) {
        let api = try await TestAPI()
        var ids: [String] = []
        for number in 0..<5 {
            let answer = try await api.inject(
                body(
                    ["r\(number % 2)@example.net"], sender: number == 4 ? "" : "s@example.org",
                    campaign: number < 3 ? "spring" : "autumn"), key: "acme")
            ids.append(answer.json["results"][0]["message_id"].text)
        }
        for _ in 0..<2 {
            let answer = try await api.inject(
                body(["r0@example.net"], campaign: "spring"), key: "zeta")
            ids.append(answer.json["results"][0]["message_id"].text)
        }
        return (api, ids)
    }

    private func ids(_ answer: TestAnswer) -> [String] {
        (0..<answer.json["messages"].count).map {
            answer.json["messages"][$0]["message_id"].text
        }
    }

    @Test("Each filter, and several at once, show what matches, the newest first")
    func filters() async throws {
        let (api, all) = try await filled()
        func list(_ query: String, key: String = "read") async throws -> [String] {
            let answer = try await api.call(.get, "/api/v1/messages?" + query, key: key)
            #expect(answer.status == 200, "\(query): \(answer.text)")
            return ids(answer)
        }
        func of(_ numbers: Int...) -> [String] { numbers.map { all[$0] } }
        #expect(try await list("") == of(6, 5, 4, 3, 2, 1, 0))
        #expect(try await list("recipient=r0@example.net") == of(6, 5, 4, 2, 0))
        #expect(try await list("recipient=r0@EXAMPLE.net&tenant=acme") == of(4, 2, 0))
        #expect(try await list("sender=s@example.org") == of(6, 5, 3, 2, 1, 0))
        #expect(try await list("sender=") == of(4))
        #expect(try await list("campaign=autumn") == of(4, 3))
        #expect(try await list("campaign=spring&tenant=zeta") == of(6, 5))
        #expect(try await list("campaign=") == [])
        #expect(try await list("domain=Example.NET&limit=2") == of(6, 5))
        #expect(try await list("state=queued&tenant=zeta") == of(6, 5))
        #expect(try await list("state=delivered") == [])
        #expect(try await list("since=2000-01-01") == of(6, 5, 4, 3, 2, 1, 0))
        #expect(try await list("until=2000-01-01") == [])
        #expect(try await list("since=52w") == of(6, 5, 4, 3, 2, 1, 0))
        #expect(try await list("until=52w") == [])
        #expect(try await list("at=52w") == [])
        #expect(try await list("at=2") == of(0))
        #expect(try await list("at=2000-01-01") == [])
        // A key for one tenant need not say which, and sees no other.
        #expect(try await list("", key: "zeta") == of(6, 5))
        #expect(try await list("recipient=r0@example.net", key: "acme") == of(4, 2, 0))
    }

    @Test("A single message is shown as it was at a point of the log, with and without the index")
    func messageAt() async throws {
        let (api, ids) = try await filled()
        let received = try #require(
            try api.events().first { $0.messageID.map { "\($0)" } == ids[1] }
        ).sequence
        for isAway in [false, true] {
            api.index.setAway(isAway)
            func ask(_ at: String) async throws -> TestAnswer {
                try await api.call(.get, "/api/v1/messages/\(ids[1])?at=" + at, key: "read")
            }
            #expect(try await ask("\(received - 1)").status == 404)
            #expect(try await ask("\(received)").json["events"].count == 1)
            #expect(try await ask("\(received + 1)").json["events"].count == 2)
            #expect(try await ask("\(received + 1000)").json["events"].count == 2)
            #expect(try await ask("52w").status == 404)
            #expect(try await ask("yesterday").status == 400)
        }
    }

    @Test("Pages follow one another without a gap")
    func pages() async throws {
        let (api, all) = try await filled()
        var found: [String] = []
        var next = ""
        repeat {
            let answer = try await api.call(
                .get, "/api/v1/messages?recipient=r0@example.net&limit=2" + next, key: "read")
            found += ids(answer)
            #expect(ids(answer).count <= 2)
            let cursor = answer.json["next"].text
            next = cursor.isEmpty ? "" : "&after=\(cursor)"
        } while !next.isEmpty
        #expect(found == [6, 5, 4, 2, 0].map { all[$0] })
    }

    @Test("A message says what it is and where its recipients stand")
    func summary() async throws {
        let api = try await TestAPI()
        let many = (0..<30).map { "r\($0)@example.net" }
        _ = try await api.call(
            .post, "/api/v1/inject", key: "acme", headers: ["Content-Type": "application/json"],
            body: Array(body(many, campaign: "spring").utf8))
        let answer = try await api.call(.get, "/api/v1/messages?limit=1", key: "acme")
        let message = answer.json["messages"][0]
        #expect(message["tenant"].text == "acme")
        #expect(message["campaign"].text == "spring")
        #expect(message["reverse_path"].text == "s@example.org")
        #expect(message["recipients"][0]["state"].text == "queued")
        #expect(message["recipients"].count <= APILimits.recipientsListed)
        #expect(answer.json["cut"] == .bool(false))
    }

    @Test("A question that cannot be understood is refused, and names the parameter")
    func refused() async throws {
        let api = try await TestAPI()
        for query in [
            "recipient=nobody", "recipient=", "sender=@", "state=lost", "since=yesterday",
            "until=x", "at=x", "limit=0", "limit=1001", "after=0", "after=x", "order=asc",
            "tenant=a&tenant=b",
        ] {
            let answer = try await api.call(.get, "/api/v1/messages?" + query, key: "read")
            #expect(answer.status == 400, "\(query)")
            let name = String(query.split(separator: "=")[0])
            #expect(answer.json["errors"][0]["pointer"].text == name, "\(query)")
        }
        let foreign = try await api.call(.get, "/api/v1/messages?tenant=zeta", key: "acme")
        #expect(foreign.status == 403)
    }

    @Test("What is wrong with the index is said of the index, not of the log")
    func words() {
        let damaged = Problem(
            reading: ProjectionError(
                message: "page 7 is malformed", file: "/data/history-v1.mdb", isDamage: true))
        #expect(damaged.code == .notReady)
        #expect(damaged.detail.contains("index"))
        #expect(!damaged.detail.contains("/data"))
        var absence = HistoryIndex.Unavailable(description: "stopped")
        absence.stoppedAt = 4711
        let stopped = Problem(reading: absence)
        #expect(stopped.code == .notReady)
        #expect(stopped.detail.contains("4711"))
        let log = Problem(reading: EventLogError(.damaged, "page 7 is malformed"))
        #expect(log.code == .damaged)
    }

    @Test("While the index is made, lists wait, and a single message is read from the log")
    func away() async throws {
        let (api, ids) = try await filled()
        api.index.setAway(true)
        let list = try await api.call(.get, "/api/v1/messages", key: "read")
        #expect(list.status == 503)
        #expect(list.headers[.retryAfter] != nil)
        let single = try await api.call(.get, "/api/v1/messages/\(ids[0])", key: "read")
        #expect(single.status == 200)
        #expect(single.json["events"].count == 2)
        api.index.setAway(false)
        let again = try await api.call(.get, "/api/v1/messages/\(ids[0])", key: "read")
        #expect(again.octets == single.octets)
    }
}
