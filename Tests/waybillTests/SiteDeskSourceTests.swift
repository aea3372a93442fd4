import ConfigurationFile
import Logging
import MailEvents
import Testing
import WaybillTesting

@testable import Replication
@testable import waybill

@Suite("Who has chosen whom a standby follows")
struct SiteDeskSourceTests {
    private static func settings(_ standbyOf: String?) -> ReplicationSettings {
        var settings = ReplicationSettings(
            tls: ReplicationTLS(certificateFile: "", keyFile: "", authorityFile: ""))
        settings.standbyOf = standbyOf.flatMap { WaybillConfiguration.siteAddress($0) }
        return settings
    }

    private static func found(insteadOf: String) -> SiteState {
        var site = SiteState(role: .standby, epoch: 2, follows: "192.0.2.2:7025")
        (site.insteadOf, site.followsPrimary) = (insteadOf, true)
        return site
    }

    @Test(
        "what the site has found stays while standby_of is what it was", arguments: [true, false])
    func stays(isConfigured: Bool) {
        let recorded = Self.found(insteadOf: isConfigured ? "192.0.2.1:7025" : "nothing")
        let settings = Self.settings(isConfigured ? "192.0.2.1:7025" : nil)
        #expect(SiteDesk.taken(recorded, settings) == recorded)
    }

    @Test("a standby_of that was changed since is the operator's newer word")
    func changed() {
        let recorded = Self.found(insteadOf: "192.0.2.1:7025")
        for text in ["192.0.2.2:7025", "192.0.2.3:7025", nil] {
            let taken = SiteDesk.taken(recorded, Self.settings(text))
            #expect(taken == SiteState(role: .standby, epoch: 2))
        }
    }

    @Test("what was ordered stays whatever is configured")
    func ordered() {
        let recorded = SiteState(role: .standby, epoch: 2, follows: "192.0.2.2:7025")
        #expect(SiteDesk.taken(recorded, Self.settings("192.0.2.3:7025")) == recorded)
    }

    @Test("what is found is recorded, unless the site is no standby any more or is about to change")
    func found() throws {
        let directory = try TemporaryDirectory()
        var configuration = WaybillConfiguration(
            dataDirectory: directory.path, hostName: "rome.example")
        configuration.replication = Self.settings("192.0.2.1:7025")
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let desk = try SiteDesk(configuration, logger: logger)
        #expect(desk.choice == .configured && desk.choiceText == "as configured")
        let berlin = SiteAddress(host: "192.0.2.2", port: 7025)
        let word = SourceWord(site: "berlin", isPrimary: true, knownEpoch: 2, logEpoch: 2)
        desk.noteSource(isPrimary: true)
        #expect(desk.current == Self.state(epoch: 0, follows: "", insteadOf: "", primary: true))
        #expect(desk.found(berlin, word))
        #expect(desk.choice == .found && desk.primaryAddress == berlin)
        let recorded = try SiteState.load(SiteState.path(dataDirectory: directory.path))
        #expect(recorded == Self.found(insteadOf: "192.0.2.1:7025"))
        // After a start it is the same, and another configuration overrules it.
        #expect(try SiteDesk(configuration, logger: logger).primaryAddress == berlin)
        configuration.replication = Self.settings("192.0.2.3:7025")
        let changed = try SiteDesk(configuration, logger: logger)
        #expect(changed.choice == .configured && changed.primaryAddress?.host == "192.0.2.3")
        desk.demand.raise(.shutdown)
        #expect(!desk.found(SiteAddress(host: "192.0.2.4", port: 7025), word))
        _ = desk.begin()
        try desk.record(SiteState(role: .primary, epoch: 3))
        #expect(!desk.found(berlin, word))
        desk.noteSource(isPrimary: true)
        #expect(desk.current == SiteState(role: .primary, epoch: 3))
    }

    private static func state(
        epoch: UInt32, follows: String, insteadOf: String, primary: Bool
    ) -> SiteState {
        var site = SiteState(role: .standby, epoch: epoch, follows: follows)
        (site.insteadOf, site.followsPrimary) = (insteadOf, primary)
        return site
    }

    @Test("where the holder of the lease is reached gets over, and older entries say nowhere")
    func holder() throws {
        for address in ["192.0.2.2:7025", ""] {
            let holder = LeaseHolder(site: "berlin", node: "b:/d", epoch: 3, address: address)
            let value = try #require(JSONValue(LeaseJSON.bytes(holder)))
            #expect(LeaseJSON.holder(value) == holder)
        }
        let old = try #require(
            JSONValue(Array(#"{"site":"berlin","node":"b","epoch":3,"successor":""}"#.utf8)))
        #expect(LeaseJSON.holder(old).address.isEmpty)
    }
}
