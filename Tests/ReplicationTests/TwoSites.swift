import EventLog
import Logging
import NIOCore
import NIOPosix
import Synchronization
import WaybillTesting

@testable import Replication

/// A primary and whoever follows it, in one process over real sockets and TLS.
final class TwoSites: Sendable {
    let directory: TemporaryDirectory
    let tls: ReplicationTLS
    let group: MultiThreadedEventLoopGroup
    let log: EventLog<TextCodec>
    let board: StandbyBoard
    let server: ShippingServer
    /// Epochs that the primary was told of.
    let learned: Learned

    /// How far the primary's clock is ahead.
    let ahead: Ahead

    /// What a test adds to a clock.
    final class Ahead: Sendable {
        private let held = Mutex<Int64>(0)
        var microseconds: Int64 {
            get { held.withLock { $0 } }
            set { held.withLock { $0 = newValue } }
        }
    }

    /// Collects epochs.
    final class Learned: Sendable {
        private let all = Mutex<[UInt32]>([])
        var epochs: [UInt32] { all.withLock { $0 } }
        func add(_ epoch: UInt32) { all.withLock { $0.append(epoch) } }
    }

    private init(
        directory: TemporaryDirectory, tls: ReplicationTLS, group: MultiThreadedEventLoopGroup,
        log: EventLog<TextCodec>, board: StandbyBoard, server: ShippingServer, learned: Learned,
        ahead: Ahead
    ) {
        self.ahead = ahead
        self.directory = directory
        self.tls = tls
        self.group = group
        self.log = log
        self.board = board
        self.server = server
        self.learned = learned
    }

    static func logConfiguration(
        segmentBytes: Int = 100_000, _ change: (inout EventLogConfiguration) -> Void = { _ in }
    ) -> EventLogConfiguration {
        var configuration = EventLogConfiguration()
        configuration.segmentBytesMax = segmentBytes
        configuration.freeBytesFloor = 0
        configuration.crashPoints = CrashPoints(nil)
        configuration.allowAnyFileSystem = true
        configuration.fatal = { _ in }
        change(&configuration)
        return configuration
    }

    static func start(
        gate: StandbyGate? = nil, octetsPerSecond: UInt64 = 0
    ) async throws -> TwoSites {
        let directory = try TemporaryDirectory()
        let certificate = try TestCertificate.make(in: directory.path)
        let tls = ReplicationTLS(
            certificateFile: certificate.certificateFile, keyFile: certificate.keyFile,
            authorityFile: certificate.certificateFile)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let log = try EventLog.open(
            directory: directory.path + "/primary", codec: TextCodec(),
            configuration: logConfiguration { $0.gate = gate })
        let learned = Learned()
        let ahead = Ahead()
        let board = StandbyBoard(now: { SystemClock.microseconds() }) { gate?.moved($0) }
        let logID = try log.reader.logID()
        let site = ShippingSite(
            reader: log.reader,
            standing: {
                SiteStanding(
                    site: "primary", logID: logID, position: log.position, knownEpoch: log.epoch,
                    isPrimary: true)
            }, learnedEpoch: { epoch, _ in learned.add(epoch) }, board: board,
            octetsPerSecond: octetsPerSecond,
            now: { SystemClock.microseconds() + ahead.microseconds },
            version: "test", logger: quiet)
        let server = try await ShippingServer.start(
            SiteAddress(host: "127.0.0.1", port: 0), tls: tls, site: site, group: group)
        return TwoSites(
            directory: directory, tls: tls, group: group, log: log, board: board, server: server,
            learned: learned, ahead: ahead)
    }

    static let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    var address: SiteAddress { SiteAddress(host: "127.0.0.1", port: server.port) }

    /// Appends events, each a batch, some of them large enough to fill segments.
    func append(_ range: ClosedRange<Int>) async throws {
        for number in range {
            var generator = SeededRandom(seed: UInt64(number))
            let noise = (0..<120).map { _ in String(generator.next(), radix: 16) }.joined()
            _ = try await log.append([TextEvent(text: "\(number) \(noise)")])
        }
    }

    /// A standby; it follows from its start on.
    func standby(
        _ name: String = "standby", knownEpoch: UInt32 = 0, delaySeconds: UInt32 = 0,
        address: SiteAddress? = nil, tls: ReplicationTLS? = nil, fetchPlan: String? = nil,
        handover: @escaping @Sendable (Position) -> Result<UInt32, ReplicationError> = { _ in
            .failure(ReplicationError(.refused, "not now"))
        }
    ) throws -> StandbyFollower<TextCodec> {
        var configuration = FollowerConfiguration(
            site: name, address: address ?? self.address,
            logDirectory: directory.path + "/" + name, log: Self.logConfiguration(),
            version: "test", logger: Self.quiet)
        configuration.delaySeconds = delaySeconds
        configuration.fetchPlanPath = fetchPlan
        let follower = try StandbyFollower(
            configuration: configuration, codec: TextCodec(), knownEpoch: knownEpoch,
            tls: tls ?? self.tls,
            events: FollowerEvents(learnedEpoch: { _ in }, handover: handover), group: group)
        try follower.start()
        return follower
    }

    /// Waits until something holds.
    static func wait(
        _ what: String, seconds: Double = 30, until holds: () throws -> Bool
    ) async throws {
        let end = SystemClock.monotonicMilliseconds() + UInt64(seconds * 1_000)
        while SystemClock.monotonicMilliseconds() < end {
            if try holds() { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw NeverHeld(description: "\(what) did not come to be")
    }

    /// What was waited for in vain.
    struct NeverHeld: Error, CustomStringConvertible { var description: String }

    /// Waits until a standby has everything.
    func waitUntilSame(_ follower: StandbyFollower<TextCodec>) async throws {
        try await Self.wait("the standby at \(log.position.sequence): \(follower.status)") {
            follower.status.position == log.position
        }
    }

    func stop() async {
        await server.stop()
        log.close()
        try? await group.shutdownGracefully()
    }

    /// Every event of a log, and whether the log verifies.
    static func events(_ directory: String) throws -> [TextEvent] {
        let reader = try LogReader.open(directory: directory)
        var events: [TextEvent] = []
        try reader.forEachBatch { batch in
            events += try TextCodec.decode(batch.bytes)
            return true
        }
        guard reader.verify(codec: TextCodec()).isIntact else {
            throw NeverHeld(description: "\(directory) does not verify")
        }
        return events
    }
}
