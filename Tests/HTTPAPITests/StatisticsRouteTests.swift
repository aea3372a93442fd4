import HTTPTypes
import MailEvents
import MailModel
import MailProjections
import Testing

@testable import HTTPAPI

@Suite("Statistics over HTTP")
struct StatisticsRouteTests {
    private static func message(campaign: String, to domain: String = "example.net") -> String {
        """
        {"sender": "", "recipients": ["a@\(domain)", "b@\(domain)"], \
        "content": "Subject: x\\n\\nx", "campaign": "\(campaign)"}
        """
    }

    /// Two campaigns of acme, one of zeta with the name of one of them; acme's spring is delivered.
    private func api() async throws -> TestAPI {
        let api = try await TestAPI()
        let answer = try await api.inject(Self.message(campaign: "spring"), key: "acme")
        try await api.deliver(answer.json["results"][0]["message_id"].text)
        _ = try await api.inject(
            Self.message(campaign: "autumn", to: "example.org"), key: "acme")
        _ = try await api.inject(Self.message(campaign: "spring"), key: "zeta")
        return api
    }

    private func names(_ answer: TestAnswer, _ member: String) -> [String] {
        (0..<answer.json["items"].count).map { answer.json["items"][$0][member].text }
    }

    @Test("A list has pages, and says how many there are and which events are in it")
    func lists() async throws {
        let api = try await api()
        let all = try await api.call(.get, "/api/v1/campaigns", key: "read")
        #expect(all.status == 200)
        #expect(all.json["total"].text == "3")
        #expect(all.json["sequence"].text == "\(try api.events().count)")
        #expect(Set(names(all, "campaign")) == ["spring", "autumn"])
        let page = try await api.call(
            .get, "/api/v1/campaigns?limit=1&offset=1", key: "read")
        #expect(page.json["items"].count == 1)
        #expect(page.json["items"][0] == all.json["items"][1])
        #expect(page.json["total"].text == "3")
        let none = try await api.call(.get, "/api/v1/campaigns?offset=3", key: "read")
        #expect(none.json["items"].count == 0)
        let own = try await api.call(.get, "/api/v1/campaigns", key: "zeta")
        #expect(names(own, "tenant") == ["zeta"])
        let domain = try await api.call(
            .get, "/api/v1/campaigns?domain=EXAMPLE.org", key: "read")
        #expect(names(domain, "campaign") == ["autumn"])
    }

    @Test("A campaign is everything counted of it; one of several tenants has to be named")
    func campaign() async throws {
        let api = try await api()
        let card = try await api.call(.get, "/api/v1/campaigns/spring", key: "acme")
        #expect(card.json["campaign"].text == "spring")
        #expect(card.json["tenant"].text == "acme")
        #expect(card.json["recipients"].text == "2")
        #expect(card.json["delivered"].text == "2")
        #expect(card.json["delivery_rate"].text == "1.0000")
        #expect(card.json["domains"][0]["domain"].text == "example.net")
        #expect(card.json["providers"][0]["provider"].text == "provider.example")
        let both = try await api.call(.get, "/api/v1/campaigns/spring", key: "read")
        #expect(both.status == 400)
        #expect(both.text.contains("acme, zeta"))
        let named = try await api.call(
            .get, "/api/v1/campaigns/spring?tenant=zeta", key: "read")
        #expect(named.json["delivered"].text == "0")
        let history = try await api.call(
            .get, "/api/v1/campaigns/spring/history?by=minute", key: "acme")
        #expect(history.json["items"].count == 1)
        #expect(history.json["items"][0]["delivered"].text == "2")
        let compared = try await api.call(
            .get, "/api/v1/campaigns/spring/compare?with=autumn", key: "acme")
        #expect(names(compared, "campaign") == ["spring", "autumn"])
        #expect(names(compared, "delivered") == ["2", "0"])
    }

    @Test("Clients, domains, providers, sources and analytics answer what the log says")
    func subjects() async throws {
        let api = try await api()
        for (path, name, key, value) in [
            ("clients/acme", "delivered", "read", "2"), ("clients/acme", "tenant", "acme", "acme"),
            ("domains/Example.NET", "delivered", "read", "2"),
            ("providers/provider.example", "delivered", "read", "2"),
            ("sources/192.0.2.25", "source", "read", "192.0.2.25"),
        ] {
            let answer = try await api.call(.get, "/api/v1/\(path)", key: key)
            #expect(answer.status == 200, "\(path)")
            #expect(answer.json[name].text == value, "\(path)")
        }
        for (path, key, member, expected) in [
            ("clients", "read", "tenant", ["acme", "zeta"]),
            ("clients", "zeta", "tenant", ["zeta"]),
            ("domains", "read", "domain", ["example.net", "example.org"]),
            ("domains", "zeta", "domain", ["example.net"]),
            ("providers", "acme", "provider", ["provider.example"]),
            ("sources", "read", "source", ["192.0.2.25"]),
            ("reputation/sources", "read", "window", ["1h", "24h", "7d"]),
            ("reputation/sources?by_provider=true", "read", "provider", ["provider.example"]),
            ("reputation/providers?limit=1&offset=1", "read", "window", ["24h"]),
            ("analytics/delivery?by=day", "read", "delivered", ["2"]),
            ("analytics/domains?campaign=autumn", "acme", "domain", ["example.org"]),
            ("analytics/latency", "acme", "delivered", ["2"]),
            ("analytics/bounces?last=24h", "read", "class", []),
        ] as [(String, String, String, [String])] {
            let answer = try await api.call(.get, "/api/v1/\(path)", key: key)
            if path.contains("last=") {
                #expect(answer.status == 400, "\(path)")
                continue
            }
            #expect(answer.status == 200, "\(path): \(answer.text)")
            var seen: [String] = []
            for name in names(answer, member) where !seen.contains(name) { seen.append(name) }
            #expect(seen == expected, "\(path)")
        }
    }

    @Test("Campaigns are exported by period, a tenant's key gets its own")
    func export() async throws {
        let api = try await api()
        let path = "/api/v1/analytics/campaigns?by=day"
        let all = try await api.call(.get, path, key: "read")
        #expect(Set(names(all, "tenant")) == ["acme", "zeta"])
        let own = try await api.call(.get, path, key: "acme")
        #expect(Set(names(own, "tenant")) == ["acme"])
        #expect(Set(names(own, "campaign")) == ["spring", "autumn"])
        let one = try await api.call(.get, path + "&campaign=autumn", key: "acme")
        #expect(Set(names(one, "campaign")) == ["autumn"])
        #expect(try await api.call(.get, path + "&campaign=none", key: "acme").status == 404)
        #expect(try await api.call(.get, path + "&tenant=zeta", key: "acme").status == 403)
    }

    /// Line ends of CSV.
    private static func lines(_ text: String) -> Int {
        text.unicodeScalars.count { $0 == "\n" }
    }

    @Test("Every listing comes as JSON, as lines of JSON and as CSV")
    func formats() async throws {
        let api = try await api()
        for path in ["campaigns", "analytics/campaigns?by=day", "domains", "reputation/sources"] {
            let separator = path.contains("?") ? "&" : "?"
            let address = "/api/v1/" + path + separator + "format="
            let json = try await api.call(.get, address + "json", key: "read")
            let count = json.json["items"].count
            #expect(count > 0, "\(path)")
            let lines = try await api.call(.get, address + "ndjson", key: "read")
            #expect(lines.headers[.contentType] == "application/x-ndjson")
            let rows = lines.text.split(separator: "\n").map { JSONValue(Array($0.utf8)) }
            #expect(rows.count == count && rows.allSatisfy { $0 != nil })
            let table = try await api.call(.get, address + "csv", key: "read")
            #expect(table.headers[.contentType] == "text/csv")
            #expect(Self.lines(table.text) == count + 1)
        }
        let first = try await api.call(
            .get, "/api/v1/campaigns?format=csv&limit=1", key: "acme")
        #expect(Self.lines(first.text) == 2)
        #expect(first.text.hasPrefix("tenant,campaign,"))
        let wrong = try await api.call(.get, "/api/v1/campaigns?format=xml", key: "read")
        #expect(wrong.status == 400 && wrong.text.contains("json, ndjson or csv"))
        let card = try await api.call(.get, "/api/v1/clients/acme?format=csv", key: "read")
        #expect(card.status == 400, "one subject is no listing")
    }

    @Test(
        "A complaint counts for its way, campaign and domain; its opposite does not")
    func complaints() async throws {
        let api = try await api()
        let recipient = RecipientReference(
            message: MessageID(epoch: 1, sequence: 1), number: 0,
            mailbox: Mailbox(localPart: "a", domain: "example.net"), tenant: "acme",
            campaign: "spring")
        let route = DeliveryRoute(host: "mx2.provider.example", sourceAddress: "192.0.2.25")
        try await api.append(
            ["abuse", "not-spam"].map { type in
                .complained(
                    RecipientComplained(recipient: recipient, feedbackType: type, route: route))
            } + [
                .bouncedLater(
                    RecipientBouncedLater(
                        recipient: recipient, reporter: "", text: "", class: .quotaIssues,
                        saidBy: .remote, route: route))
            ])
        for path in [
            "clients/acme", "campaigns/spring?tenant=acme", "domains/example.net",
            "providers/provider.example", "sources/192.0.2.25",
        ] {
            let answer = try await api.call(.get, "/api/v1/\(path)", key: "read")
            #expect(answer.json["complaints"].text == "1", "\(path)")
            #expect(answer.json["late_bounces"].text == "1", "\(path)")
            #expect(answer.json["complaint_rate"].text == "0.5000", "\(path)")
        }
        let windows = try await api.call(
            .get, "/api/v1/reputation/sources?provider=provider.example", key: "read")
        #expect(names(windows, "complaints") == ["1", "1", "1"])
        #expect(names(windows, "source").allSatisfy { $0 == "192.0.2.25" })
        let classes = try await api.call(.get, "/api/v1/analytics/bounces", key: "read")
        #expect(classes.json["items"][0]["class"].text == "QuotaIssues")
        #expect(classes.json["items"][0]["late_bounces"].text == "1")
    }

    @Test("As of an earlier event, read once for several questions")
    func past() async throws {
        let api = try await api()
        for _ in 0..<3 {
            let then = try await api.call(.get, "/api/v1/campaigns/spring?at=3", key: "acme")
            #expect(then.json["sequence"].text == "3")
            #expect(then.json["delivered"].text == "0")
            #expect(then.json["recipients"].text == "2")
        }
        #expect(api.state.replayed == 1)
        let missing = try await api.call(.get, "/api/v1/campaigns/autumn?at=3", key: "acme")
        #expect(missing.status == 404)
        let beyond = try await api.call(.get, "/api/v1/campaigns?at=999999", key: "read")
        #expect(beyond.json["total"].text == "3")
        let ago = try await api.call(.get, "/api/v1/campaigns?at=24h", key: "read")
        #expect(ago.json["total"].text == "0")
        #expect(ago.json["sequence"].text == "0")
    }

    @Test("As of one moment what was read of each kind of subject is kept, and of no other moment")
    func severalPast() async throws {
        let api = try await api()
        func ask(_ path: String, reads: Int) async throws {
            let before = api.state.replayed
            #expect(try await api.call(.get, "/api/v1/\(path)", key: "read").status == 200)
            #expect(api.state.replayed - before == reads, "\(path)")
        }
        try await ask("campaigns/spring?tenant=acme&at=3", reads: 1)
        // What a campaign needs has all that a list of campaigns needs.
        try await ask("campaigns?at=3", reads: 0)
        try await ask("clients?at=3", reads: 1)
        try await ask("campaigns?at=3", reads: 0)
        try await ask("clients/acme?at=3", reads: 1)
        try await ask("clients?at=3", reads: 0)
        try await ask("campaigns?at=4", reads: 1)
        try await ask("campaigns?at=3", reads: 1)
        try await ask("clients?at=3", reads: 1)
    }

    @Test(
        "What cannot be understood is refused with its name",
        arguments: [
            ("campaigns?at=yesterday", "at"), ("campaigns?since=x", "since"),
            ("campaigns?until=", "until"), ("campaigns?limit=0", "limit"),
            ("campaigns?limit=10001", "limit"), ("campaigns?offset=-1", "offset"),
            ("campaigns?tenat=acme", "tenat"), ("campaigns?domain=a&since=1h", "since"),
            ("campaigns/spring/history?by=week&tenant=acme", "by"),
            ("campaigns/spring/compare?tenant=acme", "with"),
            ("analytics/delivery?domain=a.example&tenant=acme", "domain"),
            ("analytics/bounces?campaign=autumn&since=1h", "since"),
            ("analytics/domains?tenant=acme&since=1h", "since"), ("clients?tenant=acme", "tenant"),
        ])
    func refused(path: String, name: String) async throws {
        let answer = try await api().call(.get, "/api/v1/\(path)", key: "read")
        #expect(answer.status == 400)
        #expect(answer.json["errors"][0]["pointer"].text == name)
    }

    @Test("Before the statistics have reached the log's end nothing is answered but when")
    func notReady() async throws {
        let api = try await api()
        api.state.set(isReady: false)
        let answer = try await api.call(.get, "/api/v1/campaigns", key: "read")
        #expect(answer.status == 503)
        #expect(answer.headers[.retryAfter] != nil)
        #expect(try await api.call(.get, "/api/v1/campaigns?at=3", key: "read").status == 200)
    }
}
