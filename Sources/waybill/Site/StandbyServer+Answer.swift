import ConfigurationFile
import EventLog
import HTTPAPI
import Logging
import MailEvents
import NIOPosix
import Replication

/// What a standby does once it has a log.
extension StandbyServer {
    /// Folds and answers until the end is asked for.
    func answer(
        _ follower: StandbyFollower<MailEventCodec>?, _ source: StandbySource?,
        _ reader: LogReader, _ group: MultiThreadedEventLoopGroup
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
            shipping = try await startShipping(follower, source, reader, group)
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
        source?.stop()
        // First, so that the folds see everything that came.
        follower?.stop()
        projections.stop()
        return standbyFolds.stop()
    }

    /// A standby ships what it has to further sites.
    private func startShipping(
        _ follower: StandbyFollower<MailEventCodec>?, _ source: StandbySource?,
        _ reader: LogReader, _ group: MultiThreadedEventLoopGroup
    ) async throws -> ShippingServer? {
        let board = StandbyBoard(now: { SystemClock.microseconds() }) { _ in }
        let standing = standing(follower, reader)
        var shipping: ShippingServer?
        if let settings = configuration.replication, let listen = settings.listen {
            let desk = desk
            var site = ShippingSite(
                reader: reader, standing: standing,
                learnedEpoch: { epoch, from in
                    follower?.learned(epoch: epoch)
                    desk.learned(epoch: epoch, from: from)
                }, board: board, octetsPerSecond: UInt64(settings.octetsPerSecond),
                now: { SystemClock.microseconds() }, version: Version.text,
                logger: Logger(label: "replication"))
            site.states = SiteStates(dataDirectory: configuration.dataDirectory)
            site.met = { source?.met($0) }
            shipping = try await ShippingServer.start(
                listen, tls: settings.tls, site: site, group: group)
        }
        show(follower, source, reader, { board.entries }, port: shipping?.port ?? 0)
        return shipping
    }

    /// What this part of the server can tell from now on.
    func show(
        _ follower: StandbyFollower<MailEventCodec>?, _ source: StandbySource?,
        _ reader: LogReader? = nil,
        _ standbys: (@Sendable () -> [StandbyBoard.Entry])? = nil, port: Int = 0
    ) {
        var view = SiteDesk.View(
            standing: standing(follower, reader), follower: Self.status(of: follower),
            standbys: standbys, reader: reader, port: port)
        if let source { view.why = { source.why } }
        desk.show(view)
    }

    private func standing(
        _ follower: StandbyFollower<MailEventCodec>?, _ reader: LogReader?
    ) -> @Sendable () -> SiteStanding {
        let (desk, configuration) = (desk, configuration)
        return {
            if let follower { return follower.standing }
            let last = try? reader?.lastSequence()
            let position = try? last.flatMap { try reader?.end(ofBatchAt: $0) }
            return SiteStanding(
                site: configuration.site, logID: try? reader?.logID(),
                position: position ?? .beginning, knownEpoch: desk.current.epoch,
                isPrimary: false)
        }
    }
}
