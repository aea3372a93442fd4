import EventLog
import Testing
import WaybillTesting

@testable import Replication

@Suite("A standby follows over TLS", .serialized)
struct FollowingTests {
    @Test("a standby that comes late takes segments and batches, and then follows live")
    func late() async throws {
        let sites = try await TwoSites.start()
        try await sites.append(1...300)
        #expect(try sites.log.reader.info().segments.count > 3)
        let follower = try sites.standby()
        try await sites.waitUntilSame(follower)
        try await sites.append(301...500)
        try await sites.waitUntilSame(follower)
        #expect(follower.status.consistentAsOf == sites.log.position.sequence)
        try await TwoSites.wait("the acknowledgement") {
            sites.board.entries.first?.position == sites.log.position
        }
        follower.stop()
        await sites.stop()
        let copy = try TwoSites.events(sites.directory.path + "/standby")
        #expect(copy == (try TwoSites.events(sites.directory.path + "/primary")))
        #expect(copy.count == 500)
    }

    @Test("what was being fetched is known after a restart, until the log is continued")
    func fetchRecalled() async throws {
        let sites = try await TwoSites.start()
        try await sites.append(1...300)
        let path = sites.directory.path + "/fetching"
        try FetchPlan(epoch: 1, lastSequences: [100, 200]).save(path)
        let nobody = SiteAddress(host: "127.0.0.1", port: 1)
        let alone = try sites.standby(address: nobody, fetchPlan: path)
        try await TwoSites.wait("what is missing") { alone.status.missing == 2 }
        alone.stop()
        let follower = try sites.standby(fetchPlan: path)
        try await sites.waitUntilSame(follower)
        try await sites.append(301...310)
        try await sites.waitUntilSame(follower)
        #expect(follower.status.missing == 0)
        #expect(FetchPlan.load(path) == nil)
        follower.stop()
        await sites.stop()
    }

    @Test("a standby that cannot note what it fetches follows all the same")
    func fetchNotNoted() async throws {
        let sites = try await TwoSites.start()
        try await sites.append(1...300)
        let follower = try sites.standby(fetchPlan: sites.directory.path + "/absent/fetching")
        try await sites.waitUntilSame(follower)
        #expect(follower.status.missing == 0)
        follower.stop()
        await sites.stop()
    }

    @Test("it goes on after its own restart and after the primary's link was cut, without a gap")
    func restarts() async throws {
        let sites = try await TwoSites.start()
        var number = 1
        for round in 0..<6 {
            let follower = try sites.standby()
            for _ in 0..<4 {
                try await sites.append(number...(number + 19))
                number += 20
                if round % 2 == 0 {
                    follower.dropLink()
                }
            }
            if round % 3 == 0 { try await sites.waitUntilSame(follower) }
            follower.stop()
        }
        let last = try sites.standby()
        try await sites.waitUntilSame(last)
        last.stop()
        await sites.stop()
        #expect(
            try TwoSites.events(sites.directory.path + "/standby")
                == TwoSites.events(sites.directory.path + "/primary"))
    }

    @Test("an acknowledgement at level replicated comes only when the standby has it")
    func gate() async throws {
        let gate = StandbyGate(timeoutMilliseconds: 30_000)
        let sites = try await TwoSites.start(gate: gate)
        let follower = try sites.standby()
        try await TwoSites.wait("the standby") { gate.present == 1 }
        let outcomes = Collected()
        for token in 1...50 {
            sites.log.append(
                Append(
                    events: [TextEvent(text: "\(token)")], observer: outcomes,
                    token: UInt64(token),
                    demand: StandbyDemand(standbys: 1, whenAway: .refuse)))
        }
        try await TwoSites.wait("the acknowledgements") { outcomes.count == 50 }
        #expect(gate.totals.replicated == 50)
        #expect(follower.status.position?.sequence == 50)
        follower.stop()
        await sites.stop()
    }

    @Test("a delayed standby stays behind, and says so")
    func delayed() async throws {
        let sites = try await TwoSites.start()
        let follower = try sites.standby(delaySeconds: 3_600)
        try await sites.append(1...3)
        try await TwoSites.wait("the lag") { follower.status.lagEvents == 3 }
        #expect(follower.status.position?.sequence ?? 0 == 0)
        sites.ahead.microseconds = 3_601_000_000
        try await sites.waitUntilSame(follower)
        #expect(follower.status.lagEvents == 0)
        follower.stop()
        await sites.stop()
    }

    @Test("a standby ships to a further one what it has itself")
    func cascade() async throws {
        let sites = try await TwoSites.start()
        try await sites.append(1...150)
        let middle = try sites.standby("middle")
        let reader = try #require(middle.reader(milliseconds: 10_000))
        let board = StandbyBoard(now: { SystemClock.microseconds() }) { _ in }
        let server = try await ShippingServer.start(
            SiteAddress(host: "127.0.0.1", port: 0), tls: sites.tls,
            site: ShippingSite(
                reader: reader, standing: { middle.standing }, learnedEpoch: { _, _ in },
                board: board, octetsPerSecond: 0, now: { SystemClock.microseconds() },
                version: "test", logger: TwoSites.quiet), group: sites.group)
        let last = try sites.standby(
            "last", address: SiteAddress(host: "127.0.0.1", port: server.port))
        try await sites.append(151...300)
        try await sites.waitUntilSame(middle)
        try await sites.waitUntilSame(last)
        last.stop()
        await server.stop()
        middle.stop()
        await sites.stop()
        #expect(
            try TwoSites.events(sites.directory.path + "/last")
                == TwoSites.events(sites.directory.path + "/primary"))
    }

    @Test("a site without a certificate of the authority gets nothing, and says why")
    func stranger() async throws {
        let sites = try await TwoSites.start()
        try await sites.append(1...3)
        let other = try TestCertificate.make(in: sites.directory.path, name: "stranger")
        let follower = try sites.standby(
            tls: ReplicationTLS(
                certificateFile: other.certificateFile, keyFile: other.keyFile,
                authorityFile: other.certificateFile))
        try await TwoSites.wait("the complaint") { follower.status.problem != nil }
        #expect(follower.status.problem?.contains("TLS") == true)
        #expect(follower.reader(milliseconds: 0) == nil)
        follower.stop()
        #expect(sites.board.entries.isEmpty)
        await sites.stop()
    }

    @Test("a standby that knows a higher epoch fences the primary, and takes nothing from it")
    func fences() async throws {
        let sites = try await TwoSites.start()
        try await sites.append(1...3)
        let first = try sites.standby()
        try await sites.waitUntilSame(first)
        first.stop()
        try await sites.append(4...6)
        let follower = try sites.standby(knownEpoch: 9)
        try await TwoSites.wait("the fence") { sites.learned.epochs.contains(9) }
        try await TwoSites.wait("the complaint") { follower.status.problem != nil }
        #expect(follower.status.position?.sequence == 3)
        follower.stop()
        await sites.stop()
    }

    @Test("a standby whose log has gone another way changes nothing, and says so")
    func diverged() async throws {
        let sites = try await TwoSites.start()
        try await sites.append(1...5)
        let follower = try sites.standby()
        try await sites.waitUntilSame(follower)
        follower.stop()
        let own = try EventLog.open(
            directory: sites.directory.path + "/standby", codec: TextCodec(),
            configuration: TwoSites.logConfiguration())
        _ = try await own.append([TextEvent(text: "only here")])
        let position = own.position
        own.close()
        try await sites.append(6...9)
        let again = try sites.standby()
        try await TwoSites.wait("the complaint") { again.status.isDiverged }
        #expect(again.status.problem?.contains("rejoin") == true)
        #expect(again.status.position == position)
        again.stop()
        let dialer = try LinkDialer(tls: sites.tls, group: sites.group)
        let answer = try await onThread { [address = sites.address, standing = again.standing] in
            try dialer.ask(address, standing, wouldFollow: true)
        }
        #expect(answer.isDiverged)
        #expect(answer.common?.sequence == 6)
        await sites.stop()
    }

    @Test("a handover is taken only at the very end of the log")
    func handover() async throws {
        let sites = try await TwoSites.start()
        try await sites.append(1...20)
        let follower = try sites.standby { position in
            position.sequence == 20
                ? .success(2) : .failure(ReplicationError(.refused, "too early"))
        }
        try await sites.waitUntilSame(follower)
        try await TwoSites.wait("the acknowledgement") {
            sites.board.entries.first?.position == sites.log.position
        }
        let (server, position) = (sites.server, sites.log.position)
        let epoch = try await onThread { try server.handOver(to: "standby", at: position) }
        #expect(epoch == 2)
        // Whoever asks now hears that the epoch is taken, though nothing is written in it yet.
        #expect(follower.standing.knownEpoch == 2)
        await #expect(throws: ReplicationError.self) {
            _ = try await onThread { try server.handOver(to: "nobody", at: position) }
        }
        follower.stop()
        await sites.stop()
    }
}

/// Runs what blocks on a thread of its own, so that no task waits for a place in the pool.
func onThread<Result: Sendable>(
    _ body: @escaping @Sendable () throws -> Result
) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        let started = OwnThread.start(name: "test") {
            continuation.resume(with: Swift.Result { try body() })
        }
        if !started { continuation.resume(throwing: TwoSites.NeverHeld(description: "no thread")) }
    }
}

/// Counts outcomes.
final class Collected: AppendObserver {
    private let all = Monitor<[AppendOutcome]>([])
    func appendsCompleted(_ outcomes: [AppendOutcome]) { all.withLock { $0 += outcomes } }
    var count: Int { all.withLock { $0.count } }
}
