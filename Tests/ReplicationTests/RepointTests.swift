import EventLog
import NIOCore
import NIOPosix
import Testing
import WaybillTesting

@testable import Replication

@Suite("A standby is pointed at another site", .serialized)
struct RepointTests {
    /// One more place where the primary's log is shipped from.
    private func door(_ sites: TwoSites) async throws -> ShippingServer {
        let (log, logID) = (sites.log, try sites.log.reader.logID())
        let site = ShippingSite(
            reader: log.reader,
            standing: {
                SiteStanding(
                    site: "door", logID: logID, position: log.position, knownEpoch: log.epoch,
                    isPrimary: true)
            }, learnedEpoch: { _, _ in }, board: sites.board, octetsPerSecond: 0,
            now: { SystemClock.microseconds() }, version: "test", logger: TwoSites.quiet)
        return try await ShippingServer.start(
            SiteAddress(host: "127.0.0.1", port: 0), tls: sites.tls, site: site,
            group: sites.group)
    }

    @Test("it goes on there from where it was, with what the other one says of itself")
    func goesOn() async throws {
        let sites = try await TwoSites.start()
        try await sites.append(1...50)
        let follower = try sites.standby()
        try await sites.waitUntilSame(follower)
        let door = try await door(sites)
        follower.follow(SiteAddress(host: "127.0.0.1", port: door.port))
        try await TwoSites.wait("the other site") { follower.status.site == "door" }
        let word = follower.situation.word
        #expect(word?.isPrimary == true && word?.knownEpoch == sites.log.epoch)
        try await sites.append(51...100)
        try await sites.waitUntilSame(follower)
        #expect(follower.status.address.hasSuffix(":\(door.port)"))
        follower.stop()
        await door.stop()
        await sites.stop()
        #expect(
            try TwoSites.events(sites.directory.path + "/standby")
                == TwoSites.events(sites.directory.path + "/primary"))
    }

    @Test("an attempt to reach a site that says nothing is given up for it, and for the end")
    func givesUp() async throws {
        let sites = try await TwoSites.start()
        // Takes connections and never speaks TLS.
        let silent = try await ServerBootstrap(group: sites.group)
            .bind(host: "127.0.0.1", port: 0).get()
        let nobody = SiteAddress(host: "127.0.0.1", port: silent.localAddress?.port ?? 0)
        let follower = try sites.standby(address: nobody)
        try await Task.sleep(for: .milliseconds(200))
        let began = SystemClock.monotonicMilliseconds()
        follower.follow(sites.address)
        try await TwoSites.wait("the primary") { follower.status.isConnected }
        follower.follow(nobody)
        try await TwoSites.wait("the end of the link") { !follower.status.isConnected }
        follower.stop()
        #expect(SystemClock.monotonicMilliseconds() < began + 5_000)
        #expect(follower.status.problem == nil || !follower.status.hasReached)
        try await silent.close()
        await sites.stop()
    }

    @Test("who asks tells where it can be reached; who holds another log is not met")
    func met() async throws {
        let sites = try await TwoSites.start()
        let (log, logID) = (sites.log, try sites.log.reader.logID())
        let met = Met()
        var site = ShippingSite(
            reader: log.reader,
            standing: {
                SiteStanding(
                    site: "primary", logID: logID, position: log.position, knownEpoch: log.epoch,
                    isPrimary: true)
            }, learnedEpoch: { _, _ in }, board: sites.board, octetsPerSecond: 0,
            now: { SystemClock.microseconds() }, version: "test", logger: TwoSites.quiet)
        site.met = { met.add($0) }
        let server = try await ShippingServer.start(
            SiteAddress(host: "127.0.0.1", port: 0), tls: sites.tls, site: site,
            group: sites.group)
        let address = SiteAddress(host: "127.0.0.1", port: server.port)
        let dialer = try LinkDialer(tls: sites.tls, group: sites.group)
        var other = [UInt8](repeating: 9, count: logID.count)
        other[0] = 1
        let answers = try await withThrowingTaskGroup(of: PeerAnswer.self) { group in
            for (id, port) in [(logID, 7_001), (logID, 0), (other, 7_002)] {
                group.addTask {
                    let standing = SiteStanding(
                        site: "rome", logID: id, position: .beginning, knownEpoch: 1,
                        isPrimary: false, port: UInt32(port))
                    return try await onThread { try dialer.ask(address, standing) }
                }
            }
            return try await group.reduce(into: [PeerAnswer]()) { $0.append($1) }
        }
        #expect(answers.filter(\.isOtherLog).count == 1)
        #expect(met.all == [SiteAddress(host: "127.0.0.1", port: 7_001)])
        await server.stop()
        await sites.stop()
    }

    /// Collects addresses.
    private final class Met: Sendable {
        private let held = Monitor<[SiteAddress]>([])
        var all: [SiteAddress] { held.withLock { $0 } }
        func add(_ address: SiteAddress) { held.withLock { $0.append(address) } }
    }
}
