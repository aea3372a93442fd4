import HTTPTypes
import MailEvents
import Testing

@testable import HTTPAPI

/// Every route is looked at: one that is added without being named here fails the test.
@Suite("Keys, roles and tenants")
struct IsolationTests {
    /// What is asked of each route, with a body where it needs one; `{id}` is zeta's message.
    private static let message = """
        {"sender": "", "recipients": ["a@example.net"], "content": "Subject: x\\n\\nx", \
        "campaign": "spring"}
        """
    private static let kumo = """
        {"envelope_sender": "", "recipients": [{"email": "a@example.net"}], \
        "content": "Subject: x\\n\\nx"}
        """
    private static let order = #"{"domain": "example.net"}"#
    private static let bodies = [
        "/api/v1/inject": message, "/api/inject/v1": kumo, "/api/v1/queue/suspend": order,
        "/api/v1/queue/resume": order, "/api/v1/queue/requeue": order,
        "/api/v1/queue/cancel": order,
        "/api/v1/queue/decide": #"{"domain": "example.net", "decision": "retry"}"#,
        "/api/v1/suppressions": #"{"address": "ann@example.org"}"#,
        "/api/v1/feedback": #"{"kind": "complaint", "message_id": "{id}"}"#,
        "/api/v1/log/prune": #"{"keep_octets": 0, "dry_run": true}"#,
        "/api/v1/site/promote": "{}", "/api/v1/site/demote": #"{"follow": "192.0.2.1:7025"}"#,
        "/api/v1/site/switchover": "{}", "/api/v1/site/rejoin": #"{"follow": "192.0.2.1:7025"}"#,
        "/api/v1/site/forget": #"{"standby": "berlin"}"#,
        "/api/v1/site/salvage": #"{"directory": "/var/tmp/export"}"#,
    ]
    private static let roles: [String: APIRole?] = [
        "GET /health/live": nil, "GET /health/ready": nil, "GET /openapi.yaml": nil,
        "GET /docs": nil, "GET /metrics": .read, "POST /api/v1/inject": .inject,
        "POST /api/inject/v1": .inject, "GET /api/v1/events": .read,
        "GET /api/v1/messages": .read, "GET /api/v1/messages/{id}": .read,
        "GET /api/v1/messages/{id}/content": .read,
        "GET /api/v1/queue/held": .read, "POST /api/v1/queue/decide": .operate,
        "GET /api/v1/queue": .read, "GET /api/v1/queue/suspensions": .read,
        "POST /api/v1/queue/suspend": .operate, "POST /api/v1/queue/resume": .operate,
        "POST /api/v1/queue/requeue": .operate, "POST /api/v1/queue/cancel": .operate,
        "GET /api/v1/suppressions": .read, "POST /api/v1/suppressions": .operate,
        "DELETE /api/v1/suppressions/{address}": .operate, "POST /api/v1/feedback": .operate,
        "GET /api/v1/campaigns": .read, "GET /api/v1/campaigns/{name}": .read,
        "GET /api/v1/campaigns/{name}/history": .read,
        "GET /api/v1/campaigns/{name}/compare": .read, "GET /api/v1/clients": .read,
        "GET /api/v1/clients/{name}": .read, "GET /api/v1/clients/{name}/history": .read,
        "GET /api/v1/domains": .read, "GET /api/v1/domains/{name}": .read,
        "GET /api/v1/providers": .read, "GET /api/v1/providers/{name}": .read,
        "GET /api/v1/sources": .read, "GET /api/v1/sources/{name}": .read,
        "GET /api/v1/reputation/sources": .read, "GET /api/v1/reputation/providers": .read,
        "GET /api/v1/analytics/delivery": .read, "GET /api/v1/analytics/bounces": .read,
        "GET /api/v1/analytics/domains": .read, "GET /api/v1/analytics/providers": .read,
        "GET /api/v1/analytics/latency": .read, "GET /api/v1/analytics/campaigns": .read,
        "POST /api/v1/log/seal": .admin, "POST /api/v1/log/compact": .admin,
        "POST /api/v1/log/prune": .admin, "GET /api/v1/site": .operate,
        "GET /api/v1/site/verify": .operate,
        "POST /api/v1/site/promote": .admin, "POST /api/v1/site/demote": .admin,
        "POST /api/v1/site/switchover": .admin, "POST /api/v1/site/rejoin": .admin,
        "POST /api/v1/site/forget": .admin, "POST /api/v1/site/salvage": .admin,
    ]
    /// What is counted over all tenants: a tenant's key gets 403.
    private static let wholeServer: Set = [
        "/api/v1/domains/{name}", "/api/v1/providers/{name}", "/api/v1/sources",
        "/api/v1/sources/{name}", "/api/v1/reputation/sources", "/api/v1/reputation/providers",
        "/api/v1/log/seal", "/api/v1/log/compact", "/api/v1/log/prune", "/api/v1/site",
        "/api/v1/site/verify",
        "/api/v1/site/promote", "/api/v1/site/demote", "/api/v1/site/switchover",
        "/api/v1/site/rejoin", "/api/v1/site/forget", "/api/v1/site/salvage",
    ]

    /// The names that stand for `{name}`, by what the path begins with.
    private struct Names {
        var campaign = "spring"
        var client = "-"

        func path(_ pattern: String, id: String) -> String {
            let name =
                pattern.contains("/campaigns/")
                ? campaign
                : pattern.contains("/clients/")
                    ? client
                    : pattern.contains("/domains/")
                        ? "example.net"
                        : pattern.contains("/providers/") ? "provider.example" : "192.0.2.25"
            let path = pattern.replacing("{id}", with: id).replacing("{name}", with: name)
            return pattern.hasSuffix("/compare") ? path + "?with=\(campaign)" : path
        }
    }

    private func ask(
        _ api: TestAPI, _ route: Route, id: String, key: String?, names: Names = Names()
    ) async throws -> TestAnswer {
        let pattern = route.path.description
        return try await api.call(
            route.method,
            names.path(pattern, id: id).replacing("{address}", with: "ann@example.org"),
            key: key, headers: ["Content-Type": "application/json"],
            body: Array((Self.bodies[pattern] ?? "").replacing("{id}", with: id).utf8))
    }

    @Test("Every route asks for the role it should, and none is left out")
    func roles() async throws {
        let api = try await TestAPI()
        let id = try await api.inject(Self.message).json["results"][0]["message_id"].text
        try await api.deliver(id)
        let routes = api.responder.table.routes
        #expect(Set(routes.map { "\($0.method) \($0.path)" }) == Set(Self.roles.keys))
        for route in routes {
            let name = "\(route.method) \(route.path)"
            let role = Self.roles[name] ?? nil
            #expect(route.access == (role.map { .role($0) } ?? .anyone), "\(name)")
            for key in [nil, "nonsense", "inject", "read", "operate", "admin"] {
                let answer = try await ask(api, route, id: id, key: key)
                let expected =
                    switch (role, key) {
                    case (nil, _): 200
                    case (_, nil), (_, "nonsense"): 401
                    case (let role?, let key?):
                        APIRole(rawValue: key)?.includes(role) ?? false ? 200 : 403
                    }
                #expect(answer.status == expected, "\(name) with key \(key ?? "none")")
            }
        }
    }

    @Test("A tenant's key sees nothing of another tenant on any route")
    func tenants() async throws {
        let api = try await TestAPI()
        // The texts of zeta's message must not be in any answer to acme.
        let hidden = "zeta-secret"
        let zeta = """
            {"sender": "\(hidden)@example.org", "recipients": ["\(hidden)@example.net"], \
            "campaign": "\(hidden)", "content": "Subject: \(hidden)\\n\\nx"}
            """
        let id = try await api.inject(zeta, key: "zeta").json["results"][0]["message_id"].text
        try await api.deliver(id)
        let names = Names(campaign: hidden, client: "zeta")
        for route in api.responder.table.routes {
            let path = route.path.description
            let isWhole = Self.wholeServer.contains(path)
            let answer = try await ask(api, route, id: id, key: "acme", names: names)
            let text = answer.text.replacing("There is no campaign \\\"\(hidden)\\\".", with: "")
            #expect(!text.contains(hidden), "\(path)")
            #expect(!text.contains("123456"), "\(path)")
            #expect(!text.contains("provider.example") || path == "/docs", "\(path)")
            if isWhole {
                #expect(answer.status == 403, "\(path)")
            } else if path.contains("{id}") || path.contains("{name}")
                || path == "/api/v1/feedback"
            {
                #expect(answer.status == 404, "\(path)")
            }
            let own = try await ask(api, route, id: id, key: "zeta", names: names)
            #expect(own.status == (isWhole ? 403 : 200), "\(path)")
        }
        let metrics = try await api.call(.get, "/metrics", key: "zeta")
        #expect(metrics.text.contains("waybill_messages_received_total{tenant=\"zeta\"} "))
        #expect(!metrics.text.contains("acme"))
        #expect(!metrics.text.contains("waybill_log_sequence"))
        #expect(!metrics.text.contains("waybill_provider"))
        for path in [
            "campaigns", "domains", "providers", "analytics/delivery", "analytics/campaigns",
        ] {
            let answer = try await api.call(.get, "/api/v1/\(path)?tenant=zeta", key: "acme")
            #expect(answer.status == 403, "\(path)")
        }
    }

    @Test("Another tenant's message is answered as one that is not there, word for word")
    func sameAnswer() async throws {
        let api = try await TestAPI()
        let id = try await api.inject(Self.message, key: "zeta").json["results"][0]["message_id"]
            .text
        let foreign = try await api.call(.get, "/api/v1/messages/\(id)", key: "acme")
        let missing = try await api.call(.get, "/api/v1/messages/1-zz", key: "acme")
        #expect(foreign.status == 404)
        #expect(foreign.text.replacing(id, with: "1-zz") == missing.text)
        let earlier = try await api.call(.get, "/api/v1/messages/\(id)?at=0s", key: "acme")
        #expect(earlier.status == 404)
        #expect(earlier.text.replacing(id, with: "1-zz") == missing.text)
    }

    @Test("A tenant's key hands in for its own tenant, whatever the request says")
    func injection() async throws {
        let api = try await TestAPI()
        let named = Self.message.replacing("{\"sender\"", with: "{\"tenant\": \"zeta\", \"sender\"")
        #expect(try await api.inject(named, key: "acme").status == 403)
        let raw = try await api.call(
            .post, "/api/v1/inject?sender=&recipient=a@example.net&tenant=zeta", key: "acme",
            headers: ["Content-Type": "message/rfc822"], body: Array("Subject: x\n\nx".utf8))
        #expect(raw.status == 403)
        let byField = try await api.call(
            .post, "/api/v1/inject?sender=&recipient=a@example.net", key: "acme",
            headers: ["Content-Type": "message/rfc822"],
            body: Array("X-Tenant: zeta\nSubject: x\n\nx".utf8))
        #expect(byField.status == 200)
        guard case .received(let received)? = try api.events().first?.event.fact else {
            Issue.record("nothing received")
            return
        }
        #expect(received.tenant == "acme")
        #expect(try api.events().count == 2)
    }

    @Test("A tenant's key cannot ask for another tenant's events, nor see those of no tenant")
    func events() async throws {
        let api = try await TestAPI()
        #expect(
            try await api.call(.get, "/api/v1/events?tenant=zeta", key: "acme").status == 403)
        _ = try await api.inject(Self.message)
        let answer = try await api.call(.get, "/api/v1/events", key: "acme")
        #expect(answer.text.split(separator: "\n").count == 1)
        #expect(answer.text.contains("caught_up"))
    }

    @Test("Basic authorization carries the key as the password")
    func basic() async throws {
        let api = try await TestAPI()
        let octets = Array("anybody:\(api.token("read"))".utf8)
        let coded = Base64Text.encode(octets)
        let answer = try await api.call(
            .get, "/api/v1/events", headers: ["Authorization": "Basic \(coded)"])
        #expect(answer.status == 200)
        let wrong = try await api.call(
            .get, "/api/v1/events", headers: ["Authorization": "Basic !!!"])
        #expect(wrong.status == 401)
        #expect(wrong.headers[.wwwAuthenticate] != nil)
    }
}
