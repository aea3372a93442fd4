import Testing

@testable import Delivery

@Suite("Router")
struct RouterTests {
    private func router() throws -> Router {
        var router = Router()
        let smarthost = NextHop.smarthosts([HostPort(host: "relay.example.net", port: 587)])
        router.set(
            Route(name: "exact", nextHop: smarthost), for: try #require(DomainPattern("a.example")))
        router.set(
            Route(name: "near", nextHop: .mx), for: try #require(DomainPattern("*.b.example")))
        router.set(
            Route(name: "far", nextHop: .mx), for: try #require(DomainPattern("*.example")))
        return router
    }

    @Test(
        "A domain's own route wins over the closest one above it, that over the default",
        arguments: [
            ("a.example", "exact"), ("x.a.example", "far"), ("b.example", "far"),
            ("x.b.example", "near"), ("y.x.b.example", "near"), ("example", "default"),
            ("elsewhere.org", "default"), ("[192.0.2.1]", "default"),
        ])
    func route(domain: String, name: String) throws {
        #expect(try router().route(for: domain).name == name)
    }

    @Test("Domains of a smarthost route share a destination, those of an MX route do not")
    func destinations() throws {
        var router = try router()
        #expect(router.destination(for: "a.example").description == "exact")
        #expect(router.destination(for: "c.org") != router.destination(for: "d.org"))
        router.defaultRoute = Route(name: "all", nextHop: .smarthosts([HostPort(host: "h")]))
        #expect(router.destination(for: "c.org") == router.destination(for: "d.org"))
    }

    @Test("Routes are found by name")
    func named() throws {
        let router = try router()
        #expect(router.route(named: "near")?.name == "near")
        #expect(router.route(named: "default") == router.defaultRoute)
        #expect(router.route(named: "nobody") == nil)
    }

    @Test(
        "Hosts with and without ports",
        arguments: [
            ("smtp.example.org", "smtp.example.org", nil), ("192.0.2.1:2525", "192.0.2.1", 2525),
            ("[2001:db8::1]:25", "2001:db8::1", 25), ("[2001:db8::1]", "2001:db8::1", nil),
            ("2001:db8::1", "2001:db8::1", nil),
        ] as [(String, String, Int?)])
    func hostPort(text: String, host: String, port: Int?) throws {
        #expect(try #require(HostPort(text)) == HostPort(host: host, port: port))
    }

    @Test(
        "Texts that are no host",
        arguments: ["", ":25", "h:0", "h:65536", "h:x", "[::1", "[::1]25"])
    func noHostPort(text: String) {
        #expect(HostPort(text) == nil)
    }

    @Test("A password is never printed")
    func credentials() {
        let credentials = Credentials(username: "ann", password: "secret")
        #expect(!"\(credentials)\(String(reflecting: credentials))".contains("secret"))
    }
}
