import HTTPTypes
import MailEvents
import Testing

@testable import HTTPAPI

/// Every route is looked at: one that is added without being named here fails the test.
@Suite("Keys, roles and tenants")
struct IsolationTests {
    /// What is asked of each route, with a body where it needs one; `{id}` is zeta's message.
    private static let message = """
        {"sender": "", "recipients": ["a@example.net"], "content": "Subject: x\\n\\nx"}
        """
    private static let kumo = """
        {"envelope_sender": "", "recipients": [{"email": "a@example.net"}], \
        "content": "Subject: x\\n\\nx"}
        """
    private static let order = #"{"domain": "example.net"}"#
    private static let bodies = [
        "/api/v1/inject": message, "/api/inject/v1": kumo, "/api/v1/queue/suspend": order,
        "/api/v1/queue/resume": order, "/api/v1/queue/requeue": order,
        "/api/v1/queue/cancel": order, "/api/v1/suppressions": #"{"address": "ann@example.org"}"#,
        "/api/v1/feedback": #"{"kind": "complaint", "message_id": "{id}"}"#,
    ]
    private static let roles: [String: APIRole?] = [
        "GET /health/live": nil, "GET /health/ready": nil, "GET /openapi.yaml": nil,
        "GET /docs": nil, "GET /metrics": .read, "POST /api/v1/inject": .inject,
        "POST /api/inject/v1": .inject, "GET /api/v1/events": .read,
        "GET /api/v1/messages": .read, "GET /api/v1/messages/{id}": .read,
        "GET /api/v1/messages/{id}/content": .read,
        "GET /api/v1/queue": .read, "GET /api/v1/queue/suspensions": .read,
        "POST /api/v1/queue/suspend": .operate, "POST /api/v1/queue/resume": .operate,
        "POST /api/v1/queue/requeue": .operate, "POST /api/v1/queue/cancel": .operate,
        "GET /api/v1/suppressions": .read, "POST /api/v1/suppressions": .operate,
        "DELETE /api/v1/suppressions/{address}": .operate, "POST /api/v1/feedback": .operate,
    ]

    private func ask(
        _ api: TestAPI, _ route: Route, id: String, key: String?
    ) async throws -> TestAnswer {
        let path = route.path.description
        return try await api.call(
            route.method,
            path.replacing("{id}", with: id).replacing("{address}", with: "ann@example.org"),
            key: key, headers: ["Content-Type": "application/json"],
            body: Array((Self.bodies[path] ?? "").replacing("{id}", with: id).utf8))
    }

    @Test("Every route asks for the role it should, and none is left out")
    func roles() async throws {
        let api = try await TestAPI()
        let id = try await api.inject(Self.message).json["results"][0]["message_id"].text
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
        var totals = ServerTotals()
        totals.events.received = 123_456
        totals.byTenant = ["acme": EventTotals(), "zeta": totals.events]
        api.totals.set(totals)
        for route in api.responder.table.routes {
            let answer = try await ask(api, route, id: id, key: "acme")
            #expect(!answer.text.contains(hidden), "\(route.path)")
            #expect(!answer.text.contains("123456"), "\(route.path)")
            if route.path.description.contains("{id}")
                || route.path.description == "/api/v1/feedback"
            {
                #expect(answer.status == 404, "\(route.path)")
            }
            let own = try await ask(api, route, id: id, key: "zeta")
            #expect(own.status == 200, "\(route.path)")
        }
        let metrics = try await api.call(.get, "/metrics", key: "zeta")
        #expect(metrics.text.contains("waybill_messages_received_total{tenant=\"zeta\"} 123456"))
        #expect(!metrics.text.contains("acme"))
        #expect(!metrics.text.contains("waybill_log_sequence"))
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
