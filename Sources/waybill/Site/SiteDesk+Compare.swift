import ConfigurationFile
import EventLog
import HTTPAPI
import NIOCore
import NIOPosix
import Replication

extension SiteDesk {
    func compare() async throws(SiteRefusal) -> [SiteComparison] {
        guard let settings else {
            throw SiteRefusal(
                "This server knows no other sites: add replication to its configuration.")
        }
        guard let view, let reader = view.reader else {
            throw SiteRefusal("This site has no log yet.")
        }
        var addresses = PrimarySites.peers(settings, self)
        for entry in view.standbys?() ?? [] {
            if let address = WaybillConfiguration.siteAddress(entry.address),
                !addresses.contains(address)
            {
                addresses.append(address)
            }
        }
        let (all, standing) = (addresses, view.standing())
        let result = await OwnThread.result(name: "waybill-compare") {
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            defer { group.shutdownGracefully { _ in } }
            return SiteComparer(
                addresses: all, reader: reader,
                dialer: try LinkDialer(tls: settings.tls, group: group), standing: standing
            ).run()
        }
        do {
            return try result.get()
        } catch {
            throw SiteRefusal("The other sites cannot be asked: \(error)")
        }
    }
}
