import ConfigurationFile
import MailEvents
import Testing

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
