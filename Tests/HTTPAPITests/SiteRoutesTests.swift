import EventLog
import HTTPAPI
import HTTPTypes
import MailEvents
import Testing
import WaybillTesting

@Suite("Sites over HTTP")
struct SiteRoutesTests {
    private func post(
        _ api: TestAPI, _ path: String, _ body: String
    ) async throws -> TestAnswer {
        try await api.call(
            .post, "/api/v1/site/\(path)", key: "admin",
            headers: ["Content-Type": "application/json"], body: Array(body.utf8))
    }

    @Test("each order reaches the site as it was given, and a dry run does not")
    func orders() async throws {
        let api = try await TestAPI()
        _ = try await post(api, "promote", #"{"force": true}"#)
        _ = try await post(api, "promote", "{}")
        _ = try await post(api, "demote", #"{"follow": "192.0.2.1:7025"}"#)
        _ = try await post(api, "switchover", #"{"to": "berlin"}"#)
        _ = try await post(api, "rejoin", #"{"follow": "192.0.2.1:7025"}"#)
        let dry = try await post(api, "forget", #"{"standby": "berlin", "dry_run": true}"#)
        #expect(dry.status == 200)
        #expect(dry.json["dry_run"].isTrue)
        #expect(dry.json["role"].text == "standby")
        #expect(dry.json["epoch"].number == 4)
        #expect(dry.json["steps"].elements.map(\.text) == ["one", "two"])
        #expect(
            api.site.orders == [
                .promote(force: true), .promote(force: false),
                .demote(follow: "192.0.2.1:7025"), .switchover(to: "berlin"),
                .rejoin(follow: "192.0.2.1:7025"),
            ])
    }

    @Test("what the site refuses is 409 with the reason")
    func refused() async throws {
        let api = try await TestAPI()
        api.site.refuse("The primary answers.")
        for path in ["promote", "switchover"] {
            let answer = try await post(api, path, "{}")
            #expect(answer.status == 409)
            #expect(answer.json["detail"].text == "The primary answers.")
        }
        let salvage = try await post(api, "salvage", #"{"directory": "/x"}"#)
        #expect(salvage.status == 409)
    }

    @Test("what the site refuses while it changes its role is 503, to be asked again")
    func refusedForNow() async throws {
        let api = try await TestAPI()
        api.site.refuse("Another change is under way.", isTemporary: true)
        let answer = try await post(api, "rejoin", #"{"follow": "192.0.2.1:7025"}"#)
        #expect(answer.status == 503)
        #expect(answer.json["detail"].text == "Another change is under way.")
    }

    @Test("fields that an order does not have, and a salvage without a directory, are 422")
    func malformed() async throws {
        let api = try await TestAPI()
        #expect(try await post(api, "promote", #"{"farce": true}"#).status == 422)
        #expect(try await post(api, "salvage", "{}").status == 422)
        #expect(api.site.orders.isEmpty)
    }

    @Test("a salvage says what it came to")
    func salvage() async throws {
        let api = try await TestAPI()
        let answer = try await post(api, "salvage", #"{"directory": "/x", "dry_run": true}"#)
        #expect(answer.json["messages"].number == 3)
        #expect(answer.json["queued"].number == 2)
        #expect(answer.json["already_queued"].number == 1)
    }

    @Test("a standby's status and metrics say how far behind it is")
    func status() async throws {
        let api = try await TestAPI()
        var report = SiteReport(site: "berlin", role: "standby", epoch: 7)
        var primary = SiteReport.Primary(address: "192.0.2.1:7025")
        primary.site = "paris"
        primary.isConnected = true
        primary.lagEvents = 12
        primary.lagMicroseconds = 1_500_000
        primary.consistentAsOf = 990
        report.primary = primary
        report.standbys = [
            .init(
                site: "oslo", peer: "192.0.2.3:1", isConnected: false, sequence: 5, lagEvents: 3,
                lastSeen: 1_700_000_000_000_000, sentOctets: 77)
        ]
        report.acks = StandbyGate.Totals()
        api.site.show(report)
        let answer = try await api.call(.get, "/api/v1/site", key: "operate")
        #expect(answer.json["role"].text == "standby")
        #expect(answer.json["primary"]["lag_events"].number == 12)
        #expect(answer.text.contains(#""lag_seconds":1.500"#))
        #expect(answer.json["standbys"][0]["site"].text == "oslo")
        let metrics = try await api.call(.get, "/metrics", key: "read").text
        #expect(metrics.contains("waybill_site_role{role=\"standby\"} 1"))
        #expect(metrics.contains("waybill_site_epoch 7"))
        #expect(metrics.contains("waybill_following_lag_events 12"))
        #expect(metrics.contains("waybill_following_lag_milliseconds 1500"))
        #expect(metrics.contains("waybill_standby_connected{site=\"oslo\"} 0"))
        #expect(metrics.contains("waybill_replicated_acks_total{outcome=\"degraded\"} 0"))
    }

    @Test("the lease is in the status and the metrics")
    func lease() async throws {
        let api = try await TestAPI()
        var report = SiteReport(site: "vienna", role: SiteReport.waiting, epoch: 7)
        var lease = SiteReport.Lease(isHeld: false)
        lease.holder = "berlin"
        lease.epoch = 8
        lease.isAnswered = false
        lease.promotion = .refused
        lease.promotionProblem = "etcd has 1 voting member(s)"
        lease.problem = "no answer"
        report.lease = lease
        api.site.show(report)
        var answer = try await api.call(.get, "/api/v1/site", key: "operate")
        #expect(answer.json["role"].text == "waiting")
        #expect(answer.json["lease"]["holder"].text == "berlin")
        #expect(answer.json["lease"]["etcd_answers"] == .bool(false))
        #expect(answer.json["lease"]["seconds_left"] == .null)
        #expect(answer.json["lease"]["promotion"].text == "refused")
        var metrics = try await api.call(.get, "/metrics", key: "read").text
        #expect(metrics.contains("waybill_site_role{role=\"waiting\"} 1"))
        #expect(metrics.contains("waybill_lease_held 0"))
        #expect(metrics.contains("waybill_lease_promotion{by=\"refused\"} 1"))
        lease.isHeld = true
        lease.secondsLeft = 6.25
        report.lease = lease
        api.site.show(report)
        answer = try await api.call(.get, "/api/v1/site", key: "operate")
        #expect(answer.text.contains(#""seconds_left":6.2"#))
        metrics = try await api.call(.get, "/metrics", key: "read").text
        #expect(metrics.contains("waybill_lease_left_milliseconds 6250"))
    }
}
