import ConfigurationFile
import HTTPAPI
import Logging
import Testing
import WaybillTesting

@testable import Replication
@testable import waybill

@Suite("Orders for a site that is changing its role")
struct SiteDeskOrderTests {
    private static func desk(_ directory: TemporaryDirectory) throws -> SiteDesk {
        var configuration = WaybillConfiguration(
            dataDirectory: directory.path, hostName: "rome.example")
        configuration.replication = ReplicationSettings(
            tls: ReplicationTLS(certificateFile: "", keyFile: "", authorityFile: ""))
        return try SiteDesk(
            configuration, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
    }

    private static func refusal(
        _ desk: SiteDesk, _ order: SiteOrder, isDryRun: Bool = false
    ) -> SiteRefusal? {
        do throws(SiteRefusal) {
            _ = try desk.carryOut(order, isDryRun: isDryRun)
            return nil
        } catch {
            return error
        }
    }

    @Test("a site that was just fenced takes a rejoin only when its primary part has ended")
    func rejoin() throws {
        let directory = try TemporaryDirectory()
        let desk = try Self.desk(directory)
        try desk.record(SiteState(role: .primary, epoch: 1))
        desk.learned(epoch: 2, from: "berlin")
        #expect(desk.current.role == .fenced)
        let order = SiteOrder.rejoin(follow: "192.0.2.2:7025")
        for isDryRun in [true, false] {
            let refusal = Self.refusal(desk, order, isDryRun: isDryRun)
            #expect(refusal?.isTemporary == true)
            #expect(refusal?.reason == "Another change is under way: epoch 2 is open at berlin.")
        }
        let demand = desk.begin()
        #expect(Self.refusal(desk, order) == nil)
        #expect(demand.kind == .rejoin(SiteAddress(host: "192.0.2.2", port: 7025)))
        #expect(desk.current == SiteState(role: .fenced, epoch: 2))
    }

    @Test("what the role does not allow is refused for good")
    func wrongRole() throws {
        let directory = try TemporaryDirectory()
        let desk = try Self.desk(directory)
        try desk.record(SiteState(role: .fenced, epoch: 2))
        #expect(Self.refusal(desk, .switchover(to: ""))?.isTemporary == false)
    }

    @Test("a role that came to nothing is taken back only while nothing else was recorded")
    func takesBack() throws {
        let directory = try TemporaryDirectory()
        let desk = try Self.desk(directory)
        let before = SiteState(role: .standby, epoch: 5)
        let recorded = SiteState(role: .primary, epoch: 6)
        try desk.record(recorded)
        desk.takeBack(recorded, before)
        #expect(desk.current == before)
        // Another thread was told of a higher epoch meanwhile: that stays.
        try desk.record(recorded)
        desk.learned(epoch: 7, from: "berlin")
        desk.takeBack(recorded, before)
        #expect(desk.current == SiteState(role: .fenced, epoch: 7))
    }
}
