import ConfigurationFile
import EventLog
import HTTPAPI
import Logging
import MailEvents
import NIOCore
import NIOPosix
import Replication
import ServiceLifecycle
import Synchronization

/// A site that does not write: takes over the log of another one, folds it as it comes, and answers
/// every query.
///
/// Concurrency: any thread; ``run()`` is called once.
final class StandbyServer: Sendable {
    private let configuration: WaybillConfiguration
    private let desk: SiteDesk
    private let demand: SiteDemand
    private let logger: Logger
    private let http = Mutex<HTTPAPI?>(nil)
    private let state: RunningState
    private let folds = LiveFolds()

    init(
        configuration: WaybillConfiguration, desk: SiteDesk, demand: SiteDemand, logger: Logger
    ) {
        self.configuration = configuration
        self.desk = desk
        self.demand = demand
        self.logger = logger
        state = RunningState(dataDirectory: configuration.dataDirectory)
    }

    /// Reads the keys again.
    func reload() async {
        for problem in http.withLock({ $0 })?.reload() ?? [] {
            logger.error("not reloaded", metadata: ["reason": "\(problem)"])
        }
    }

    /// Runs until a shutdown or another role is asked for.
    ///
    /// - Returns: What delivery can begin with, should this site be the primary now.
    func run() async throws -> StandbyFolds.Loaded? {
        try DataDirectory.create(configuration.dataDirectory)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let follower: StandbyFollower<MailEventCodec>?
        do {
            follower = try startFollower(group)
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
        let result: Result<StandbyFolds.Loaded?, any Error>
        do {
            result = .success(try await serve(follower, group))
        } catch {
            result = .failure(error)
        }
        follower?.stop()
        try? await group.shutdownGracefully()
        return try result.get()
    }

    private func startFollower(
        _ group: MultiThreadedEventLoopGroup
    ) throws -> StandbyFollower<MailEventCodec>? {
        guard desk.current.role == .standby, let settings = configuration.replication,
            let address = desk.primaryAddress
        else { return nil }
        var following = FollowerConfiguration(
            site: configuration.site, address: address,
            logDirectory: DataDirectory.log(configuration.dataDirectory),
            log: configuration.log, version: Version.text, logger: Logger(label: "replication"))
        following.delaySeconds = UInt32(settings.delaySeconds)
        following.port = UInt32(settings.listen?.port ?? 0)
        let (desk, demand) = (desk, demand)
        let follower = try StandbyFollower(
            configuration: following, codec: MailEventCodec(), knownEpoch: desk.current.epoch,
            tls: settings.tls,
            events: FollowerEvents(
                learnedEpoch: { desk.learned(epoch: $0, from: "\(address)") },
                handover: { Self.takeOver(at: $0, desk, demand) },
                tookOver: { epoch in
                    demand.raise(
                        .otherRole("the primary handed over: primary of epoch \(epoch)"))
                }), group: group)
        try follower.start()
        logger.notice("standby", metadata: ["primary": "\(address)"])
        return follower
    }

    /// The primary hands over: records the new role before the primary gives up its own.
    private static func takeOver(
        at position: Position, _ desk: SiteDesk, _ demand: SiteDemand
    ) -> Result<UInt32, ReplicationError> {
        let epoch = max(desk.current.epoch, position.epoch) + 1
        if let lease = desk.lease, lease.standing.isSilent {
            return .failure(
                ReplicationError(
                    .refused, "etcd does not answer the standby, so it cannot take the lease"))
        }
        guard !demand.isRaised else {
            return .failure(ReplicationError(.refused, "the standby is ending"))
        }
        do {
            try desk.record(SiteState(role: .primary, epoch: epoch))
        } catch {
            return .failure(
                ReplicationError(.refused, "the standby cannot record its new role: \(error)"))
        }
        return .success(epoch)
    }

    private func serve(
        _ follower: StandbyFollower<MailEventCodec>?, _ group: MultiThreadedEventLoopGroup
    ) async throws -> StandbyFolds.Loaded? {
        desk.show(
            SiteDesk.View(
                standing: standing(follower, nil), follower: Self.status(of: follower)))
        guard let reader = try await reader(follower) else {
            desk.show(nil)
            return nil
        }
        let log = StandbyLog(reader: reader, refusal: refusal)
        log.start()
        defer { log.stop() }
        let readiness = Readiness(.starting(refusal))
        let http = try await startHTTP(log, readiness, group)
        self.http.withLock { $0 = http }
        let result: Result<StandbyFolds.Loaded?, any Error>
        do {
            result = .success(try await answer(follower, reader, group))
        } catch {
            result = .failure(error)
        }
        readiness.set(.stopping)
        desk.show(nil)
        folds.set(nil)
        state.set(nil)
        await http.stop(limitSeconds: 1)
        self.http.withLock { $0 = nil }
        return try result.get()
    }

    private static func status(
        of follower: StandbyFollower<MailEventCodec>?
    ) -> (@Sendable () -> FollowerStatus)? {
        guard let follower else { return nil }
        return { follower.status }
    }

    private var refusal: String {
        switch desk.current.role {
        case .fenced: "this site was fenced by epoch \(desk.current.epoch)"
        case .primary: "this site waits for the lease"
        case .standby: "this site is a standby"
        }
    }

    private func standing(
        _ follower: StandbyFollower<MailEventCodec>?, _ reader: LogReader?
    ) -> @Sendable () -> SiteStanding {
        let (desk, configuration) = (desk, configuration)
        return {
            if let follower { return follower.standing }
            let last = try? reader?.lastSequence()
            let position = try? last.flatMap { try reader?.batch(containing: $0)?.position }
            return SiteStanding(
                site: configuration.site, logID: try? reader?.logID(),
                position: position ?? .beginning, knownEpoch: desk.current.epoch,
                isPrimary: false)
        }
    }

    /// The log's reader, once there is a log.
    ///
    /// - Returns: nil when the end was asked for first.
    private func reader(_ follower: StandbyFollower<MailEventCodec>?) async throws -> LogReader? {
        let demand = demand
        guard let follower else {
            do throws(EventLogError) {
                return try LogReader.open(
                    directory: DataDirectory.log(configuration.dataDirectory))
            } catch {
                // A primary that waits for its first lease has no log yet.
                guard desk.isWithoutLease, error.code == .notFound else { throw error }
                await demand.wait()
                return nil
            }
        }
        return await withGracefulShutdownHandler {
            while !demand.isRaised, !Task.isCancelled {
                if let reader = follower.reader(milliseconds: 0) { return reader }
                try? await Task.sleep(for: .milliseconds(50))
            }
            return nil
        } onGracefulShutdown: {
            demand.raise(.shutdown)
        }
    }

    private func startHTTP(
        _ log: StandbyLog, _ readiness: Readiness, _ group: MultiThreadedEventLoopGroup
    ) async throws -> HTTPAPI {
        var api = configuration.http ?? .withoutNetwork(serverName: configuration.hostName)
        api.controlSocket = DataDirectory.controlSocket(configuration.dataDirectory)
        return try await HTTPAPI.start(
            configuration: api, log: log, readiness: readiness, state: state, folds: folds,
            messages: state, site: desk, group: group, now: { SystemClock.now() },
            logger: Logger(label: "http"))
    }

    /// Folds and answers until the end is asked for.
    private func answer(
        _ follower: StandbyFollower<MailEventCodec>?, _ reader: LogReader,
        _ group: MultiThreadedEventLoopGroup
    ) async throws -> StandbyFolds.Loaded? {
        let standbyFolds = try StandbyFolds.start(
            dataDirectory: configuration.dataDirectory, log: reader,
            checkpointMilliseconds: configuration.server.checkpointMilliseconds,
            logger: Logger(label: "folds"))
        folds.set(standbyFolds)
        let projections: ProjectionService
        do {
            projections = try ProjectionService.start(
                configuration: configuration, log: reader, rewrite: { _ in },
                logger: Logger(label: "projections"))
        } catch {
            _ = standbyFolds.stop()
            throw error
        }
        let shipping: ShippingServer?
        var compaction: CompactionService?
        do {
            // A fenced site's log stays as it is: it has yet to rejoin.
            if follower != nil {
                compaction = try CompactionService.start(
                    configuration, reader, folds, logger: Logger(label: "compaction"))
            }
            shipping = try await startShipping(follower, reader, group)
        } catch {
            compaction?.stop()
            projections.stop()
            _ = standbyFolds.stop()
            throw error
        }
        state.set(
            RunningState.Parts(
                delivery: nil, runner: projections.runner, log: reader, compaction: compaction))
        logger.info("answering queries", metadata: ["role": "\(desk.current.role.rawValue)"])
        await demand.wait()
        logger.info("ending", metadata: ["why": "\(demand.reason)"])
        compaction?.stop()
        await shipping?.stop()
        // First, so that the folds see everything that came.
        follower?.stop()
        projections.stop()
        return standbyFolds.stop()
    }

    /// A standby ships what it has to further sites.
    private func startShipping(
        _ follower: StandbyFollower<MailEventCodec>?, _ reader: LogReader,
        _ group: MultiThreadedEventLoopGroup
    ) async throws -> ShippingServer? {
        let board = StandbyBoard(now: { SystemClock.microseconds() }) { _ in }
        let standing = standing(follower, reader)
        var shipping: ShippingServer?
        if let settings = configuration.replication, let listen = settings.listen {
            let desk = desk
            let site = ShippingSite(
                reader: reader, standing: standing,
                learnedEpoch: { epoch, from in
                    follower?.learned(epoch: epoch)
                    desk.learned(epoch: epoch, from: from)
                }, board: board, octetsPerSecond: UInt64(settings.octetsPerSecond),
                now: { SystemClock.microseconds() }, version: Version.text,
                logger: Logger(label: "replication"))
            shipping = try await ShippingServer.start(
                listen, tls: settings.tls, site: site, group: group)
        }
        desk.show(
            SiteDesk.View(
                standing: standing, follower: Self.status(of: follower),
                standbys: { board.entries }, reader: reader, port: shipping?.port ?? 0))
        return shipping
    }
}
