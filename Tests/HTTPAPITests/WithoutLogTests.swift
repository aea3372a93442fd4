import EventLog
import HTTPTypes
import Logging
import MailEvents
import NIOPosix
import Synchronization
import Testing

@testable import HTTPAPI

@Suite("A standby that has no log yet")
struct WithoutLogTests {
    /// A log that comes later; it takes nothing.
    private final class LateLog: APILog {
        private let held = Mutex<LogReader?>(nil)
        private let refusal = EventLogError(.readOnly, "this site is a standby")

        func come(_ reader: LogReader) { held.withLock { $0 = reader } }

        var reader: LogReader {
            get throws(EventLogError) {
                guard let reader = held.withLock({ $0 }) else {
                    throw EventLogError(.notFound, "this site has no log yet", hint: "Wait for it.")
                }
                return reader
            }
        }

        func append(
            _ events: [Event], contents: [Content]
        ) async throws(EventLogError) -> AppendReceipt { throw refusal }

        func append(
            _ events: [Event], contents: [Content], demand: StandbyDemand?,
            retraction: Append<Event>.Retraction?
        ) async throws(EventLogError) -> AppendReceipt { throw refusal }

        func acceptance() -> Result<Void, EventLogError> { .failure(refusal) }
        var standbysPresent: Int { 0 }
        func standbys(having sequence: UInt64) -> Int { 0 }
        func seal() async throws(EventLogError) -> UInt64? { throw refusal }
        func follow(_ follower: any LogFollower<Event>) -> UInt64 { 0 }
        func unfollow(_ follower: any LogFollower<Event>) {}
    }

    private func services(_ api: TestAPI, _ log: LateLog) -> APIServices {
        APIServices(
            configuration: api.services.configuration, log: log, keys: api.services.keys,
            readiness: Readiness(.starting("this site is a standby, and has no log yet")),
            state: api.state, folds: api.folds, messages: api.index, site: api.site,
            now: { TestClock.now },
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    }

    @Test("health, the site, metrics and documents are answered; nothing else is forgotten")
    func routes() async throws {
        let api = try await TestAPI()
        let table = RouteTable(services: services(api, LateLog()))
        let open = Set(table.routes.filter { !$0.needsLog }.map { $0.path.description })
        let expected: Set = ["/health/live", "/health/ready", "/metrics", "/docs", "/openapi.yaml"]
        #expect(open.filter { !$0.hasPrefix("/api/v1/site") } == expected)
        #expect(open.contains("/api/v1/site") && open.contains("/api/v1/site/promote"))
        #expect(table.routes.filter(\.needsLog).count > 30)
    }

    @Test("a query says why there is nothing to read and what to do, and is answered once there is")
    func later() async throws {
        let api = try await TestAPI()
        let log = LateLog()
        let services = services(api, log)
        services.readers.start()
        let late = APIResponder(
            table: RouteTable(services: services), keys: services.keys)
        for (path, key) in [
            ("/api/v1/queue", "operate"), ("/api/v1/events", "operate"),
            ("/api/v1/messages?recipient=a@b.example", "operate"),
            ("/api/v1/campaigns", "read"),
        ] {
            let answer = try await api.call(.get, path, key: key, by: late)
            #expect(answer.status == 503, "\(path)")
            #expect(answer.json["detail"].text == "This site has no log yet. Wait for it.")
        }
        // Who may not ask is not told this either.
        #expect(try await api.call(.get, "/api/v1/queue", by: late).status == 401)
        let inject = try await api.call(
            .post, "/api/v1/inject", key: "inject", headers: ["Content-Type": "application/json"],
            body: Array("{}".utf8), by: late)
        #expect(inject.status == 503)
        #expect(try await api.call(.get, "/health/live", by: late).status == 200)
        let ready = try await api.call(.get, "/health/ready", by: late)
        #expect(ready.status == 503 && ready.text.contains("no log yet"))
        #expect(try await api.call(.get, "/api/v1/site", key: "operate", by: late).status == 200)
        let metrics = try await api.call(.get, "/metrics", key: "read", by: late)
        #expect(metrics.status == 200 && metrics.text.contains("waybill_site_role"))
        #expect(!metrics.text.contains("waybill_log_sequence"))
        log.come(api.log.reader)
        #expect(try await api.call(.get, "/api/v1/queue", key: "operate", by: late).status == 200)
        let now = try await api.call(.get, "/metrics", key: "read", by: late)
        #expect(now.text.contains("waybill_log_sequence"))
        try await services.readers.shutdownGracefully()
    }
}
