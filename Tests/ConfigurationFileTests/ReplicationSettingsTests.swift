import EventLog
import HTTPAPI
import Reception
import Replication
import Testing

@testable import ConfigurationFile

@Suite("Other sites in the configuration file")
struct ReplicationSettingsTests {
    private func read(_ text: String) throws(ConfigurationError) -> WaybillConfiguration {
        try WaybillConfiguration.read(
            text, file: "w.yaml", defaultHostName: "mx.example.org", readSecret: { _ in "" })
    }

    private static let text = """
        site: vienna
        replication:
          listen: 192.0.2.1:7025
          address: vienna.example:17025
          certificate: c.pem
          key: k.pem
          authority: a.pem
          standby_of: "[2001:db8::1]:7025"
          peers: ["192.0.2.2:7025", berlin.example:7025]
          delay: 15m
          bandwidth: 10MiB
          slot_size: 1GiB
          ack_timeout: 2s
        listeners:
          - address: 0.0.0.0:25
            ack: replicated
            ack_standbys: 2
            ack_when_away: accept
        """

    @Test(
        "Other sites reach this one where it listens, or where it says",
        arguments: [
            ("192.0.2.1:7025", nil, "192.0.2.1:7025"), ("192.0.2.1:0", nil, "192.0.2.1:4000"),
            ("0.0.0.0:7025", nil, nil), ("[::]:7025", nil, nil), (nil, nil, nil),
            ("0.0.0.0:7025", "192.0.2.7:25", "192.0.2.7:25"),
            ("192.0.2.1:7025", "vienna.example:7026", "vienna.example:7026"),
            ("[2001:db8::1]:7025", nil, "[2001:db8::1]:7025"),
        ] as [(String?, String?, String?)])
    func reachable(listen: String?, address: String?, expected: String?) {
        var settings = ReplicationSettings(
            tls: ReplicationTLS(certificateFile: "", keyFile: "", authorityFile: ""))
        settings.listen = listen.flatMap { WaybillConfiguration.siteAddress($0) }
        settings.address = address.flatMap { WaybillConfiguration.siteAddress($0) }
        #expect(settings.reachable(boundPort: 4_000).map { "\($0)" } == expected)
    }

    @Test(
        "An address at which nobody is reached is refused",
        arguments: ["0.0.0.0:7025", "[::]:7025", "192.0.2.1:0", "192.0.2.1", "vienna.example"])
    func unreachable(address: String) {
        #expect(WaybillConfiguration.reachableAddress(address) == nil)
        let error = #expect(throws: ConfigurationError.self) {
            try read(Self.text.replacing("vienna.example:17025", with: "\"\(address)\""))
        }
        #expect(error.map { "\($0)" }?.contains("w.yaml:4") == true)
    }

    @Test("An address without listen is a mistake, for nothing is reached there")
    func addressAlone() {
        let text = """
            replication:
              address: 192.0.2.1:7025
              certificate: c.pem
              key: k.pem
              authority: a.pem
              standby_of: 192.0.2.2:7025
            """
        let error = #expect(throws: ConfigurationError.self) { try read(text) }
        let words = error.map { "\($0)" } ?? ""
        #expect(words.contains("w.yaml:2") && words.contains("is of no use without listen"))
    }

    @Test("every key reaches the settings, and what is shown reads back the same")
    func all() throws {
        let configuration = try read(Self.text)
        let settings = try #require(configuration.replication)
        #expect(configuration.site == "vienna")
        #expect(settings.listen == SiteAddress(host: "192.0.2.1", port: 7025))
        #expect(settings.standbyOf == SiteAddress(host: "2001:db8::1", port: 7025))
        #expect(settings.address == SiteAddress(host: "vienna.example", port: 17_025))
        #expect(settings.announcedPort == 17_025)
        #expect(
            settings.peers == [
                SiteAddress(host: "192.0.2.2", port: 7025),
                SiteAddress(host: "berlin.example", port: 7025),
            ])
        #expect(settings.tls.certificateFile == "c.pem")
        #expect(settings.delaySeconds == 900)
        #expect(settings.octetsPerSecond == 10 << 20)
        #expect(settings.slotOctets == 1 << 30)
        #expect(settings.ackMilliseconds == 2_000)
        #expect(
            configuration.reception.listeners[0].ackLevel
                == .replicated(StandbyDemand(standbys: 2, whenAway: .accept)))
        let again = try read(configuration.effectiveText)
        #expect(again.replication == settings)
        #expect(
            again.reception.listeners[0].ackLevel == configuration.reception.listeners[0].ackLevel)
    }

    @Test("without the section there are no other sites, and acknowledgements are local")
    func none() throws {
        let configuration = try read("listeners:\n  - address: 0.0.0.0:25\n")
        #expect(configuration.replication == nil)
        #expect(configuration.reception.listeners[0].ackLevel == .local)
    }

    @Test("sites without certificates are refused, each missing file by its key")
    func certificates() {
        let error = #expect(throws: ConfigurationError.self) {
            try read("replication:\n  listen: 192.0.2.1:7025\n")
        }
        #expect(error?.problems.count == 3)
    }

    @Test(
        "tenants and the API have ack levels of their own, and a name that stands twice is refused")
    func ackLevels() throws {
        let text = """
            server:
              http:
                listen: 127.0.0.1:8025
                ack: replicated
            tenants:
              - name: acme
                ack: replicated
                ack_standbys: 2
                ack_when_away: accept
              - name: zeta
            replication: {certificate: c.pem, key: k.pem, authority: a.pem}
            """
        let configuration = try read(text)
        let acme = AckLevel.replicated(StandbyDemand(standbys: 2, whenAway: .accept))
        #expect(configuration.reception.tenantAckLevels == ["acme": acme, "zeta": .local])
        #expect(
            configuration.http?.ackLevel
                == .replicated(StandbyDemand(standbys: 1, whenAway: .refuse)))
        #expect(configuration.http?.tenantAckLevels["acme"] == acme)
        let again = try read(configuration.effectiveText)
        #expect(again.reception.tenantAckLevels == configuration.reception.tenantAckLevels)
        #expect(again.http?.ackLevel == configuration.http?.ackLevel)
        let error = #expect(throws: ConfigurationError.self) {
            try read("tenants:\n  - name: acme\n  - name: acme\n  - ack: local\n")
        }
        #expect(error?.problems.map(\.line) == [3, 4])
    }

    private static let sites = """
        replication:
          listen: 192.0.2.1:7025
          certificate: c.pem
          key: k.pem
          authority: a.pem
        """

    private func readLease(
        _ lines: [String], delay: String = ""
    ) throws(ConfigurationError)
        -> LeaseSettings?
    {
        let section = lines.map { "    \($0)\n" }.joined()
        return try read(Self.sites + "\n\(delay)  lease:\n" + section).replication?.lease
    }

    @Test("a lease has defaults, and every key of it reaches the settings")
    func lease() throws {
        let plain = try #require(try readLease(["endpoints: [http://192.0.2.9:2379]"]))
        #expect(plain.ttlMilliseconds == 10_000)
        #expect(!plain.isAutomatic && !plain.isWitnessTrusted)
        let text =
            Self.sites
                + """

                  lease:
                    endpoints: [https://e1.example:2379, "https://[2001:db8::9]:2379"]
                    prefix: /mail/
                    ttl: 6s
                    promote: automatic
                    witness: trusted
                    max_lag: 5
                    authority: ea.pem
                    certificate: ec.pem
                    key: ek.pem
                    user: waybill
                    password_file: secret
                """
        let configuration = try read(text)
        let lease = try #require(configuration.replication?.lease)
        #expect(lease.endpoints == ["https://e1.example:2379", "https://[2001:db8::9]:2379"])
        #expect(lease.prefix == "/mail/" && lease.ttlMilliseconds == 6_000)
        #expect(lease.isAutomatic && lease.isWitnessTrusted && lease.lagEvents == 5)
        #expect(lease.certificateFile == "ec.pem" && lease.keyFile == "ek.pem")
        #expect(lease.user == "waybill" && lease.passwordFile == "secret")
        #expect(try read(configuration.effectiveText).replication?.lease == lease)
    }

    @Test(
        "what a lease cannot be is refused, with the key",
        arguments: [
            (["ttl: 5s"], "replication.lease.endpoints"),
            (["endpoints: [192.0.2.9:2379]"], "replication.lease.endpoints[0]"),
            (["endpoints: [http://e:2379]", "ttl: 1s"], "replication.lease.ttl"),
            (["endpoints: [http://e:2379]", "ttl: 5500ms"], "replication.lease.ttl"),
            (["endpoints: [http://e:2379]", "prefix: mail"], "replication.lease.prefix"),
            (["endpoints: [http://e:2379]", "promote: maybe"], "replication.lease.promote"),
            (["endpoints: [http://e:2379]", "witness: trusted"], "replication.lease.witness"),
            (["endpoints: [http://e:2379]", "user: w"], "replication.lease.user"),
            (["endpoints: [http://e:2379]", "key: k"], "replication.lease.key"),
            (["endpoints: [http://e:2379]", "tll: 5s"], "replication.lease.tll"),
        ])
    func wrongLease(lines: [String], key: String) {
        let error = #expect(throws: ConfigurationError.self) { try readLease(lines) }
        #expect(error?.problems.map(\.key).contains(key) == true, "\(error?.problems ?? [])")
        #expect(error?.problems.allSatisfy { $0.line > 0 } == true)
    }

    @Test("a standby with a delay cannot promote itself")
    func delayedLease() {
        let error = #expect(throws: ConfigurationError.self) {
            try readLease(
                ["endpoints: [http://e:2379]", "promote: automatic"], delay: "  delay: 15m\n")
        }
        #expect(error?.problems.map(\.key) == ["replication.lease"])
    }
}
