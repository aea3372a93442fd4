import ConfigurationFile
import EventLog
import Logging
import MailEvents
import NIOPosix
import Replication

/// What a primary has to do with other sites: ships its log, watches for a higher epoch, hands over.
///
/// Concurrency: any thread.
final class PrimarySites: Sendable {
    private let shipping: ShippingServer?
    private let watch: PeerWatch
    private let board: StandbyBoard
    private let desk: SiteDesk
    private let demand: SiteDemand
    /// Lets what waits for standbys run out of time.
    private let ticks: Task<Void, Never>
    private let reserve: StandbyReserve
    /// Asks a site how it stands; nil when it cannot be reached. Blocks.
    private let ask: @Sendable (SiteAddress) -> PeerAnswer?
    private let logger: Logger

    private init(
        shipping: ShippingServer?, watch: PeerWatch, board: StandbyBoard, desk: SiteDesk,
        demand: SiteDemand, ticks: Task<Void, Never>,
        reserve: StandbyReserve, ask: @escaping @Sendable (SiteAddress) -> PeerAnswer?,
        logger: Logger
    ) {
        self.ask = ask
        self.reserve = reserve
        self.ticks = ticks
        self.shipping = shipping
        self.watch = watch
        self.board = board
        self.desk = desk
        self.demand = demand
        self.logger = logger
    }

    /// Milliseconds that a start waits for the other sites to say whether a higher epoch is open.
    /// Less where the lease has said already that none is.
    private static func firstRoundMilliseconds(_ desk: SiteDesk) -> Int {
        desk.lease == nil ? 3_000 : 500
    }

    /// Milliseconds that a standby may need for the last events before a handover is given up.
    private static let catchUpMilliseconds = 30_000

    /// Begins. When a site that answers knows a higher epoch, the demand has been raised on return, and
    /// nothing may be accepted or delivered.
    ///
    /// - Returns: nil when there are no other sites.
    static func start(
        configuration: WaybillConfiguration, log: EventLog<MailEventCodec>,
        gate: StandbyGate?, desk: SiteDesk, demand: SiteDemand, group: MultiThreadedEventLoopGroup
    ) async throws -> PrimarySites? {
        guard let settings = configuration.replication else { return nil }
        let logger = Logger(label: "replication")
        try desk.opened(epoch: log.epoch)
        let logID = try log.reader.logID()
        let standing: @Sendable () -> SiteStanding = {
            SiteStanding(
                site: configuration.site, logID: logID, position: log.position,
                knownEpoch: max(desk.current.epoch, log.epoch),
                isPrimary: desk.current.role == .primary,
                port: settings.announcedPort)
        }
        let learned: @Sendable (UInt32, String) -> Void = { desk.learned(epoch: $0, from: $1) }
        let board = StandbyBoard(now: { SystemClock.microseconds() }) {
            gate?.moved($0)
        }
        let reserve = StandbyReserve(
            board: board, dataDirectory: configuration.dataDirectory,
            octetsMax: UInt64(settings.slotOctets), logger: logger)
        try reserve.load()
        let dialer = try LinkDialer(tls: settings.tls, group: group)
        let watch = PeerWatch(
            peers: peers(settings, desk), dialer: dialer,
            standing: standing, learnedEpoch: learned, logger: logger)
        watch.start()
        if !watch.firstRound(milliseconds: firstRoundMilliseconds(desk)) {
            logger.warning("not every site could be asked whether a higher epoch is open")
        }
        var site = ShippingSite(
            reader: log.reader, standing: standing, learnedEpoch: learned, board: board,
            octetsPerSecond: UInt64(settings.octetsPerSecond),
            now: { SystemClock.microseconds() }, version: Version.text, logger: logger)
        site.states = SiteStates(dataDirectory: configuration.dataDirectory)
        let shipping: ShippingServer?
        do throws(ReplicationError) {
            shipping = try await ship(site, settings, group)
        } catch {
            watch.stop()
            throw error
        }
        let salvages = SalvageTurn()
        desk.show(
            SiteDesk.View(
                standing: standing, follower: nil, standbys: { board.entries },
                acks: { gate?.totals ?? .init() },
                salvage: { try await salvages.run(log, $0, isDryRun: $1) },
                reserve: reserve, refuseContent: { log.refuseContent($0) },
                forget: { board.forget($0) }, reader: log.reader, port: shipping?.port ?? 0))
        let ticks = Task {
            for tick in 1... {
                guard (try? await Task.sleep(for: .milliseconds(50))) != nil else { return }
                gate?.tick()
                if tick % 100 == 0 { reserve.save() }
            }
        }
        return PrimarySites(
            shipping: shipping, watch: watch, board: board, desk: desk, demand: demand,
            ticks: ticks, reserve: reserve, ask: { try? dialer.ask($0, standing()) },
            logger: logger)
    }

    /// Begins to take links of other sites, where there is an address for them.
    private static func ship(
        _ site: ShippingSite, _ settings: ReplicationSettings, _ group: MultiThreadedEventLoopGroup
    ) async throws(ReplicationError) -> ShippingServer? {
        guard let listen = settings.listen else { return nil }
        let shipping = try await ShippingServer.start(
            listen, tls: settings.tls, site: site, group: group)
        site.logger.info(
            "listening",
            metadata: [
                "listener": "sites", "host": "\(listen.host)", "port": "\(shipping.port)",
            ])
        return shipping
    }

    /// The configured sites, and the one that was followed before.
    static func peers(_ settings: ReplicationSettings, _ desk: SiteDesk) -> [SiteAddress] {
        // One list for all sites is handy: this one's own address is no other site's.
        var peers = settings.peers.filter { $0 != settings.listen }
        for address in [desk.primaryAddress].compactMap({ $0 }) where !peers.contains(address) {
            peers.append(address)
        }
        return peers
    }

    /// Hands over to a standby, if that is why the server ends. When it cannot be, this site stays the
    /// primary.
    ///
    /// - Parameter position: Where the log ends for good.
    /// - Throws: When the new role cannot be recorded.
    func handOverIfDemanded(at position: Position) async throws {
        guard case .switchover(let site) = demand.kind, let shipping else { return }
        guard await offerLease(to: site) else {
            logger.error(
                "not handed over: the lease cannot be passed on; this site goes on as the primary",
                metadata: ["site": "\(site)"])
            desk.note("not handed over to \(site): the lease cannot be passed on in etcd")
            return
        }
        let (board, address) = (board, await followAddress(site))
        let outcome = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<UInt32, ReplicationError>, Never>) in
            let started = OwnThread.start(name: "waybill-hand-over") {
                continuation.resume(
                    returning: Result { () throws(ReplicationError) in
                        guard
                            board.wait(
                                for: site, sequence: position.sequence,
                                milliseconds: Self.catchUpMilliseconds) != nil
                        else {
                            throw ReplicationError(
                                .timeout, "\(site) did not catch up with the log's end")
                        }
                        return try shipping.handOver(to: site, at: position)
                    })
            }
            if !started {
                continuation.resume(
                    returning: .failure(.init(.stopped, "the system gives no thread")))
            }
        }
        switch outcome {
        case .success(let epoch):
            logger.notice(
                "handed over",
                metadata: [
                    "site": "\(site)", "epoch": "\(epoch)", "sequence": "\(position.sequence)",
                ])
            try desk.record(
                SiteState(
                    role: .standby, epoch: max(epoch, desk.current.epoch), follows: address ?? ""))
        case .failure(let error) where error.code == .inDoubt:
            try await settleDoubt(site, address, error)
        case .failure(let error):
            logger.error(
                "the handover failed; this site goes on as the primary",
                metadata: ["site": "\(site)", "reason": "\(error)"])
            desk.note("the handover to \(site) failed: \(error)")
            _ = await offerLease(to: "")
        }
    }

    /// Names in etcd who may take the lease over.
    ///
    /// - Returns: Whether it stands there; also where there is no lease.
    private func offerLease(to site: String) async -> Bool {
        guard let lease = desk.lease else { return true }
        return await OwnThread.result(name: "waybill-offer") { lease.offer(to: site) } ?? false
    }

    /// The standby was told to take over and did not answer: it is asked, and while it cannot be, this
    /// site writes nothing, for the other one may.
    private func settleDoubt(
        _ site: String, _ address: String?, _ error: ReplicationError
    ) async throws {
        let known = desk.current.epoch
        var answer: PeerAnswer?
        if let target = address.flatMap({ WaybillConfiguration.siteAddress($0) }) {
            let ask = ask
            answer = await withCheckedContinuation { continuation in
                let started = OwnThread.start(name: "waybill-ask") {
                    continuation.resume(returning: ask(target))
                }
                if !started { continuation.resume(returning: nil) }
            }
        }
        switch answer?.knownEpoch {
        case let epoch? where epoch > known:
            try desk.record(SiteState(role: .standby, epoch: epoch, follows: address ?? ""))
        case .some:
            logger.error(
                "the handover failed; this site goes on as the primary",
                metadata: ["site": "\(site)", "reason": "\(error)"])
            desk.note("the handover to \(site) failed: \(error)")
            _ = await offerLease(to: "")
        case nil:
            logger.critical(
                "fenced: whether the standby took over cannot be told",
                metadata: ["site": "\(site)", "reason": "\(error)"])
            desk.note(
                "whether \(site) took over cannot be told (\(error)): if it did, let this site rejoin it; "
                    + "if it did not, promote this one with --force")
            try desk.record(SiteState(role: .fenced, epoch: known + 1))
        }
    }

    /// Where a standby can be followed: as it is configured here, else as it said itself.
    private func followAddress(_ site: String) async -> String? {
        if let address = watch.address(of: site) { return "\(address)" }
        return board.entries.first { $0.site == site }?.address
    }

    /// Ends all of it.
    func stop() async {
        ticks.cancel()
        reserve.save()
        watch.stop()
        await shipping?.stop()
        desk.show(nil)
    }
}
