import Reception
import Testing

@testable import ConfigurationFile

@Suite("Listeners that would take no mail, and what flags give them")
struct ListenerSettingsTests {
    private func read(
        _ text: String, _ flags: ServerFlags = ServerFlags()
    ) throws(ConfigurationError) -> WaybillConfiguration {
        try WaybillConfiguration.read(
            text, file: "w.yaml", defaultHostName: "mx.example.org", flags: flags,
            readSecret: { _ in "" })
    }

    private func problems(_ text: String, _ flags: ServerFlags = ServerFlags()) -> [String] {
        do throws(ConfigurationError) {
            _ = try read(text, flags)
            return []
        } catch {
            return error.problems.map { "\($0)" }
        }
    }

    private static let plain = """
        users: /etc/users
        listeners:
          - address: 1.2.3.4:25
            require_auth: true
        """

    @Test("AUTH that is required and, for want of TLS, never taken is a mistake")
    func withoutTLS() {
        #expect(
            problems(Self.plain) == [
                "w.yaml:4: listeners[0].require_auth: AUTH is taken under TLS only; expected a "
                    + "certificate, and `tls` other than none"
            ])
        let secure = "tls: {certificate: c, key: k}\n" + Self.plain
        #expect(problems(secure).isEmpty)
        #expect(problems(secure + "\n    tls: none").count == 1)
    }

    @Test(
        "TLS without a certificate is a mistake of the key that asks for it",
        arguments: ["starttls", "implicit", "required"])
    func withoutCertificate(mode: String) {
        let text = "listeners:\n  - name: a\n    address: 1.2.3.4:25\n    tls: \(mode)\n"
        #expect(
            problems(text) == [
                "w.yaml:4: listeners[0].tls: there is no certificate; expected `certificate` here "
                    + "or `tls` at the top"
            ])
    }

    @Test("AUTH that is required and not offered is a mistake of what requires it")
    func notOffered() {
        let text = "tls: {certificate: c, key: k}\n" + Self.plain + "\n    offer_auth: false"
        #expect(
            problems(text) == [
                "w.yaml:5: listeners[0].require_auth: AUTH is not offered; expected "
                    + "`offer_auth: true`, or neither"
            ])
    }

    private static let withoutUsers = """
        tls: {certificate: c, key: k}
        listeners:
          - address: 1.2.3.4:25
            require_auth: true
        """

    @Test("required authentication needs users: the file's, or those of a flag")
    func users() throws {
        let missing = [
            "w.yaml:4: listeners[0].require_auth: there are no users; expected `users` at the top, "
                + "or --users"
        ]
        #expect(problems(Self.withoutUsers) == missing)
        #expect(problems(Self.withoutUsers + "\n    offer_auth: true") == missing)
        #expect(problems(Self.withoutUsers, .unknown).isEmpty)
        #expect(problems("users: u\n" + Self.withoutUsers + "\n    offer_auth: false").count == 1)
        let flags = ServerFlags(usersFile: "/etc/flagged")
        let configuration = try read("users: u\n" + Self.withoutUsers, flags)
        #expect(configuration.reception.usersFile == "/etc/flagged")
        #expect(problems(Self.withoutUsers, flags).isEmpty)
    }

    @Test("users of a flag are offered AUTH at the file's listeners, unless they say otherwise")
    func offered() throws {
        let text = """
            listeners:
              - {address: "1.2.3.4:25"}
              - {address: "1.2.3.4:26", offer_auth: false}
            """
        #expect(try read(text).reception.listeners.map(\.offersAuthentication) == [false, false])
        let configuration = try read(text, ServerFlags(usersFile: "/etc/flagged"))
        #expect(configuration.reception.listeners.map(\.offersAuthentication) == [true, false])
    }

    @Test(
        "ack: replicated without other sites is a mistake, wherever it stands",
        arguments: [
            ("listeners:\n  - address: 1.2.3.4:25\n    ack: replicated\n", 3, "listeners[0].ack"),
            ("tenants:\n  - name: a\n  - {name: b, ack: replicated}\n", 3, "tenants[1].ack"),
            ("server:\n  http:\n    ack: replicated\n", 3, "server.http.ack"),
        ])
    func replicated(text: String, line: Int, key: String) {
        #expect(
            problems(text) == [
                "w.yaml:\(line): \(key): there are no other sites; "
                    + "expected `replication` at the top, or ack: local"
            ])
        #expect(problems(text, ServerFlags(hasSites: true)).isEmpty)
        #expect(problems(text, .unknown).isEmpty)
        // What is accepted without them is accepted.
        #expect(problems(text.replacing("ack: replicated", with: "ack: local")).isEmpty)
        let sites = "replication: {certificate: c, key: k, authority: a}\n"
        #expect(problems(sites + text).isEmpty)
    }

    @Test("ack: replicated that accepts when sites are away needs none")
    func accepting() {
        let text = """
            listeners:
              - {address: "1.2.3.4:25", ack: replicated, ack_when_away: accept}
            """
        #expect(problems(text).isEmpty)
    }
}
