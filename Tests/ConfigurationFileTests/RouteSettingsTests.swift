import Delivery
import Reception
import Testing

@testable import ConfigurationFile

@Suite("What routes take over, and what a running server takes of its file")
struct RouteSettingsTests {
    private func read(
        _ text: String, password: String = "old"
    ) throws(ConfigurationError) -> WaybillConfiguration {
        try WaybillConfiguration.read(
            text, file: "w.yaml", defaultHostName: "mx.example.org",
            readSecret: { "\(password) of \($0)" })
    }

    private static let text = """
        listeners: [{address: "192.0.2.1:25"}]
        delivery:
          default_route:
            smarthost: first.example:587
            tls: required
            user: ann
            password_file: /first
          routes:
            - {domains: [same.example], connections: 3}
            - {domains: [other.example], smarthost: "second.example:587"}
            - {domains: [direct.example], mx: true}
            - {domains: [own.example], smarthost: third.example, user: ben, password_file: /third}
        """

    @Test("a route to other hosts offers them its own password, never the default route's")
    func credentials() throws {
        let configuration = try read(Self.text)
        func route(_ domain: String) -> Route { configuration.delivery.router.route(for: domain) }
        let first = Credentials(username: "ann", password: "old of /first")
        #expect(configuration.delivery.router.defaultRoute.credentials == first)
        #expect(route("same.example").credentials == first)
        #expect(route("same.example").connectionsMax == 3)
        #expect(route("other.example").credentials == nil)
        #expect(route("direct.example").credentials == nil)
        #expect(route("direct.example").nextHop == .mx)
        #expect(
            route("own.example").credentials
                == Credentials(username: "ben", password: "old of /third"))
        // The rest is taken over.
        for domain in ["other.example", "direct.example", "own.example"] {
            #expect(route(domain).tls == .required)
        }
        #expect(configuration.passwordFiles == ["/first", "/third"])
    }

    @Test("another password is another policy, though the text that is shown is the same")
    func rotated() throws {
        let (old, new) = (try read(Self.text), try read(Self.text, password: "new"))
        #expect(old.effectiveText == new.effectiveText)
        #expect(old.deliveryInForce != new.deliveryInForce)
    }

    @Test("of a file that is read again only the section delivery is taken")
    func taken() throws {
        var running = try read(Self.text)
        let file = Self.text.replacing("192.0.2.1:25", with: "192.0.2.2:26")
            .replacing("first.example", with: "fourth.example").replacing("/first", with: "/fourth")
        let new = try read(file)
        let listeners = running.deliveryInForce.ownListeners
        running.takeDelivery(of: new)
        #expect(running.delivery == new.delivery)
        #expect(running.passwordFiles == ["/fourth", "/third"])
        #expect(running.reception.listeners.map(\.port) == [25])
        #expect(running.deliveryInForce.ownListeners == listeners)
        #expect(new.deliveryInForce.ownListeners != listeners)
    }

    @Test(
        "of two routes that name a domain the later one counts, also where it takes the other's name"
    )
    func later() throws {
        let file = """
            listeners: [{address: "192.0.2.1:25"}]
            delivery:
              routes:
                - {domains: [a.example, b.example], smarthost: first.example}
                - {domains: [b.example], smarthost: second.example}
                - {domains: [b.example, c.example], smarthost: third.example}
            """
        let router = try read(file).delivery.router
        func host(_ domain: String) -> String { "\(router.route(for: domain).nextHop)" }
        #expect(host("a.example").contains("first.example"))
        #expect(host("b.example").contains("third.example"))
        #expect(host("c.example").contains("third.example"))
    }

    @Test(
        "a route that names the default route's hosts again keeps their password, on the same port only"
    )
    func sameHosts() throws {
        func route(_ more: String) throws -> Route {
            try read(
                """
                listeners: [{address: "192.0.2.1:25"}]
                delivery:
                  default_route: {smarthost: first.example, tls: required, user: ann, password_file: /f}
                  routes: [{domains: [a.example], smarthost: \(more)}]
                """
            ).delivery.router.route(for: "a.example")
        }
        #expect(try route("first.example, connections: 2").credentials != nil)
        #expect(try route("first.example, port: 2525").credentials == nil)
        #expect(try route("\"first.example:2525\"").credentials == nil)
        #expect(try route("[first.example, second.example]").credentials == nil)
    }

    @Test(
        "two routes with one name are a mistake: mail of one would go where the other leads",
        arguments: [
            ("{domains: [b.example], name: a.example, mx: true}", "name"),
            ("{domains: [default], smarthost: s}", "domains"),
        ])
    func names(route: String, key: String) {
        let file = """
            listeners: [{address: "192.0.2.1:25"}]
            delivery:
              routes:
                - {domains: [a.example], smarthost: smart.example}
                - \(route)
            """
        do throws(ConfigurationError) {
            _ = try read(file)
            Issue.record("it was read")
        } catch {
            #expect(error.problems.count == 1)
            let text = "\(error.problems[0])"
            #expect(text.hasPrefix("w.yaml:5: delivery.routes[1].\(key): "))
            #expect(text.contains("is the name of another route"))
        }
    }
}
