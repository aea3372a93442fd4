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
    let configuration: WaybillConfiguration
    let desk: SiteDesk
    let demand: SiteDemand
    let logger: Logger
    private let http = Mutex<HTTPAPI?>(nil)
    let state: RunningState
    let folds = LiveFolds()

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
        var follower: StandbyFollower<MailEventCodec>?
        var source: StandbySource?
        let result: Result<StandbyFolds.Loaded?, any Error>
        do {
            follower = try startFollower(group)
            source = try startSource(follower, group)
            result = .success(try await serve(follower, source, group))
        } catch {
            result = .failure(error)
        }
        source?.stop()
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
        following.rejoinCommand =
            "waybill site rejoin --data \(configuration.dataDirectory) --follow"
        following.fetchPlanPath = DataDirectory.fetchPlan(configuration.dataDirectory)
        following.states = SiteStates(dataDirectory: configuration.dataDirectory)
        following.delaySeconds = UInt32(settings.delaySeconds)
        following.port = settings.announcedPort
        let (desk, demand) = (desk, demand)
        let follower = try StandbyFollower(
            configuration: following, codec: MailEventCodec(), knownEpoch: desk.current.epoch,
            tls: settings.tls,
            events: FollowerEvents(
                learnedEpoch: { desk.learned(epoch: $0, from: "another site") },
                handover: { Self.takeOver(at: $0, desk, demand) },
                tookOver: { epoch in
                    demand.raise(
                        .otherRole("the primary handed over: primary of epoch \(epoch)"))
                }), group: group)
        try follower.start()
        logger.notice("standby", metadata: ["primary": "\(address)"])
        return follower
    }

    /// Begins to look for the primary, where there is a follower to point at it.
    private func startSource(
        _ follower: StandbyFollower<MailEventCodec>?, _ group: MultiThreadedEventLoopGroup
    ) throws -> StandbySource? {
        guard let follower, let settings = configuration.replication else { return nil }
        let source = try StandbySource(configuration, settings, follower, desk, group: group)
        source.start()
        return source
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

    /// Answers from the first second on; the log is answered from as soon as there is one.
    private func serve(
        _ follower: StandbyFollower<MailEventCodec>?, _ source: StandbySource?,
        _ group: MultiThreadedEventLoopGroup
    ) async throws -> StandbyFolds.Loaded? {
        show(follower, source)
        let readiness = Readiness(.starting("\(refusal), and \(absence)"))
        let log = StandbyLog(refusal: refusal, absence: "this site has no log yet: \(absence)")
        let http = try await startHTTP(log, readiness, group)
        self.http.withLock { $0 = http }
        let result: Result<StandbyFolds.Loaded?, any Error>
        do {
            if let reader = try await reader(follower) {
                log.start(reader)
                readiness.set(.starting(refusal))
                result = .success(try await answer(follower, source, reader, group))
            } else {
                result = .success(nil)
            }
        } catch {
            result = .failure(error)
        }
        readiness.set(.stopping)
        desk.show(nil)
        folds.set(nil)
        state.set(nil)
        await http.stop(limitSeconds: 1)
        self.http.withLock { $0 = nil }
        log.stop()
        return try result.get()
    }

    /// Why there is no log yet, as everybody may read it.
    private var absence: String {
        desk.current.role == .standby
            ? "it has not reached its primary yet" : "it waits for the lease for the first time"
    }

    static func status(
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
            messages: state, site: desk, commands: AskedStatistics.answers, group: group,
            now: { SystemClock.now() },
            logger: Logger(label: "http"))
    }
}
