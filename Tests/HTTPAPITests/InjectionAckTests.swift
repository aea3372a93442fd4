import EventLog
import HTTPTypes
import MailEvents
import Testing
import WaybillTesting

@testable import HTTPAPI

@Suite("Injected messages that standbys must have")
struct InjectionAckTests {
    private static func message(_ more: String = "") -> String {
        """
        {"sender": "b@example.org", "recipients": ["ann@example.net"], \(more)
        "content": {"from": "shop@example.org", "to": "x@example.org", "subject": "a", "text": "Hi"}}
        """
    }

    private static let replicated = #""ack": "replicated","#

    private static func ackLevels(_ api: TestAPI) throws -> [Int] {
        try api.events().compactMap { event in
            if case .received(let fact) = event.event.fact { fact.ackLevel } else { nil }
        }
    }

    @Test("while no standby follows, nothing is recorded, and the answer says so")
    func refused() async throws {
        let api = try await TestAPI(gate: StandbyGate(timeoutMilliseconds: 1_000))
        let answer = try await api.inject(Self.message(Self.replicated))
        #expect(answer.status == 503)
        #expect(answer.json["type"].text == "/docs#not-replicated")
        #expect(try api.events().isEmpty)
        #expect(try await api.inject(Self.message()).status == 200)
    }

    @Test("an answer says on how many standbys the message is, and so does its event")
    func replicated() async throws {
        let gate = StandbyGate(timeoutMilliseconds: 10_000)
        gate.moved([1_000, 1_000])
        let api = try await TestAPI(gate: gate)
        let answer = try await api.inject(
            Self.message(Self.replicated + #""ack_standbys": 2,"#))
        #expect(answer.status == 200)
        #expect(answer.json["ack"].text == "replicated")
        #expect(answer.json["ack_standbys"].number == 2)
        #expect(try await api.inject(Self.message()).json["ack"] == .null)
        #expect(try Self.ackLevels(api) == [2, 0])
        #expect(gate.totals.replicated == 1)
    }

    @Test("who asks for it is taken on this site alone, and told")
    func degraded() async throws {
        let api = try await TestAPI(gate: StandbyGate(timeoutMilliseconds: 10_000))
        let answer = try await api.inject(
            Self.message(Self.replicated + #""ack_when_away": "accept","#))
        #expect(answer.status == 200)
        #expect(answer.json["ack"].text == "degraded")
        #expect(try Self.ackLevels(api) == [0])
    }

    @Test("a tenant's level rules its messages, whatever the request asks for")
    func tenant() async throws {
        let level = AckLevel.replicated(StandbyDemand(standbys: 1, whenAway: .refuse))
        let api = try await TestAPI(gate: StandbyGate(timeoutMilliseconds: 1_000)) {
            $0.tenantAckLevels["acme"] = level
        }
        let weaker = Self.message(Self.replicated + #""ack_when_away": "accept","#)
        #expect(try await api.inject(weaker, key: "acme").status == 503)
        #expect(try await api.inject(Self.message(), key: "acme").status == 503)
        #expect(try await api.inject(Self.message(), key: "zeta").status == 200)
        #expect(try await api.inject(weaker, key: "zeta").json["ack"].text == "degraded")
    }

    @Test("messages of several tenants are as safe as the tenant asks that asks for most")
    func severalTenants() async throws {
        let level = AckLevel.replicated(StandbyDemand(standbys: 1, whenAway: .refuse))
        let api = try await TestAPI(gate: StandbyGate(timeoutMilliseconds: 1_000)) {
            $0.tenantAckLevels["two"] = level
        }
        func message(_ tenants: [String]) -> String {
            let recipients = tenants.map {
                #"{"address": "\#($0)@b.cc", "substitutions": {"tenant": "\#($0)"}}"#
            }
            return #"""
                {"sender": "s@a.cc", "recipients": [\#(recipients.joined(separator: ","))],
                 "content": "X-Tenant: {{tenant}}\r\nSubject: a\r\n\r\nHi"}
                """#
        }
        for tenants in [["one", "two"], ["two", "one"], ["two"]] {
            let answer = try await api.inject(message(tenants))
            #expect(answer.status == 503, "\(tenants)")
            #expect(answer.json["type"].text == "/docs#not-replicated")
        }
        #expect(try api.events().isEmpty)
        #expect(try await api.inject(message(["one", "three"])).status == 200)
    }

    private static let headers = ["Idempotency-Key": "order-1"]

    /// Waits for standbys no longer than 50 ms.
    private static func ticking(_ gate: StandbyGate) -> Task<Void, any Error> {
        Task {
            while !Task.isCancelled {
                gate.tick()
                try await Task.sleep(for: .milliseconds(10))
            }
        }
    }

    private static func names(_ api: TestAPI) throws -> [String] {
        try api.events().map { $0.event.fact.typeName }
    }

    @Test("what standbys do not have in time is taken back, and its key is free again")
    func late() async throws {
        let directory = try TemporaryDirectory()
        let gate = StandbyGate(timeoutMilliseconds: 50)
        gate.moved([0])
        let ticks = Self.ticking(gate)
        defer { ticks.cancel() }
        let message = Self.message(Self.replicated)
        do {
            let api = try await TestAPI(directory: directory, gate: gate)
            for count in 1...2 {
                let refused = try await api.inject(message, headers: Self.headers)
                #expect(refused.status == 503)
                #expect(refused.json["type"].text == "/docs#not-replicated")
                #expect(refused.json["detail"].text.contains("taken back"))
                let once = ["received", "queued", "bounced"]
                #expect(try Self.names(api) == Array([once, once].joined().prefix(count * 3)))
            }
        }
        // Also when the keys are read back from the log.
        let api = try await TestAPI(directory: directory, gate: gate)
        gate.moved([1_000])
        let answer = try await api.inject(message, headers: Self.headers)
        #expect(answer.status == 200)
        #expect(answer.headers[.init("Idempotency-Replayed") ?? .accept] == nil)
        #expect(answer.json["ack"].text == "replicated")
        #expect(try api.events().count == 8)
    }

    @Test("what a crash has left unanswered is not recorded twice under its key")
    func unanswered() async throws {
        let directory = try TemporaryDirectory()
        do {
            let api = try await TestAPI(directory: directory)
            #expect(try await api.inject(Self.message(), headers: Self.headers).status == 200)
        }
        let gate = StandbyGate(timeoutMilliseconds: 50)
        gate.moved([0])
        let api = try await TestAPI(directory: directory, gate: gate)
        let message = Self.message(Self.replicated)
        #expect(try await api.inject(message, headers: Self.headers).status == 503)
        gate.moved([2])
        let answer = try await api.inject(message, headers: Self.headers)
        #expect(answer.status == 200)
        #expect(answer.headers[.init("Idempotency-Replayed") ?? .accept] == "true")
        #expect(answer.json["ack"].text == "replicated")
        #expect(try api.events().count == 2)
    }

    @Test(
        "a level that is none is named",
        arguments: [
            #""ack": "remote","#, #""ack_standbys": 2,"#,
            #""ack": "replicated", "ack_standbys": 17,"#,
            #""ack": "replicated", "ack_when_away": "hope","#,
        ])
    func wrong(_ member: String) async throws {
        let api = try await TestAPI()
        let answer = try await api.inject(Self.message(member))
        #expect(answer.status == 422)
        #expect(answer.text.contains("/ack"))
        #expect(try api.events().isEmpty)
    }

    @Test("a whole message asks for it in the query")
    func query() async throws {
        let api = try await TestAPI(gate: StandbyGate(timeoutMilliseconds: 1_000))
        func send(_ query: String) async throws -> TestAnswer {
            try await api.call(
                .post, "/api/v1/inject?sender=&recipient=ann@example.net&" + query, key: "inject",
                headers: ["Content-Type": "message/rfc822"],
                body: Array("Subject: a\r\n\r\nHi\r\n".utf8))
        }
        #expect(try await send("ack=replicated").status == 503)
        #expect(
            try await send("ack=replicated&ack_when_away=accept").json["ack"].text == "degraded")
        #expect(try await send("ack=replicated&ack_standbys=no").status == 400)
        #expect(try await send("ack=maybe").status == 400)
    }
}
