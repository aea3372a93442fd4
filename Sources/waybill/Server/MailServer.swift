import ConfigurationFile
import Delivery
import EventLog
import HTTPAPI
import Logging
import MailEvents
import MailModel
import MailProjections
import NIOCore
import NIOPosix
import Projections
import Reception
import Resolver
import ServiceLifecycle
import Synchronization

/// The whole server: opens the log, brings the queue up to date, starts delivery and reception, and
/// takes them down in the opposite order.
///
/// Concurrency: any thread; ``run()`` is called once.
final class MailServer: Sendable {
    private let configuration: WaybillConfiguration
    /// What a backup keeps a copy of.
    private let configurationFile: String?
    private let logger: Logger
    private let reception = Mutex<Reception?>(nil)
    private let http = Mutex<HTTPAPI?>(nil)
    private let readiness = Readiness(.starting("the queue is being read"))
    private let readAgain: (@Sendable () throws -> WaybillConfiguration)?
    /// What reloading reaches beside reception and the HTTP API.
    private let reloadable = Mutex<Reloadable?>(nil)
    /// The configuration, with what has been read again of it.
    private let inForce: Mutex<WaybillConfiguration>
    /// The folds that orders look at.
    private let folds = LiveFolds()
    private let state: RunningState
    private let desk: SiteDesk
    private let demand: SiteDemand
    /// Where acknowledgements wait for standbys; nil without other sites.
    private let gate: StandbyGate?
    /// What a standby has folded already; taken by delivery.
    private let loaded: Mutex<StandbyFolds.Loaded?>

    private struct Reloadable {
        let log: EventLog<MailEventCodec>
        let delivery: DeliveryService
        /// The text of the configuration in force.
        var text: String
        /// How mail is sent by it; holds what the text does not: passwords.
        var policy: DeliveryPolicy
    }

    /// - Parameters:
    ///   - configuration: What to run with.
    ///   - readAgain: Reads the configuration again; nil when there is no file.
    ///   - desk: The site's role, and who asks for another one.
    ///   - demand: Why to stop.
    ///   - loaded: What a standby has folded already.
    ///   - logger: The server's.
    ///   - configurationFile: Where the configuration was read from; nil: from flags.
    init(
        configuration: WaybillConfiguration,
        readAgain: (@Sendable () throws -> WaybillConfiguration)?, desk: SiteDesk,
        demand: SiteDemand, loaded: StandbyFolds.Loaded?, logger: Logger,
        configurationFile: String? = nil
    ) {
        self.configuration = configuration
        inForce = Mutex(configuration)
        self.configurationFile = configurationFile
        self.desk = desk
        self.demand = demand
        self.loaded = Mutex(loaded)
        gate = configuration.replication.map {
            StandbyGate(
                timeoutMilliseconds: UInt64($0.ackMilliseconds), permit: desk.lease?.permit)
        }
        self.readAgain = readAgain
        state = RunningState(dataDirectory: configuration.dataDirectory)
        self.logger = logger
    }

    /// Runs until a graceful shutdown or another role is asked for.
    func run() async throws {
        let log = try openLog()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: eventLoopCount)
        do {
            let sites = try await PrimarySites.start(
                configuration: configuration, log: log, gate: gate, desk: desk, demand: demand,
                group: group)
            do {
                try await serve(log: log, group: group)
                try await sites?.handOverIfDemanded(at: log.position)
            } catch {
                await sites?.stop()
                throw error
            }
            await sites?.stop()
        } catch {
            log.close()
            try? await group.shutdownGracefully()
            throw error
        }
        log.close()
        try await group.shutdownGracefully()
        logger.info("stopped", metadata: ["sequence": "\(log.position.sequence)"])
    }

    /// Reads certificates, users, keys and the policy of delivery again; what cannot be read stays
    /// as it was.
    func reload() async {
        guard let reception = reception.withLock({ $0 }) else { return }
        let problems = reception.reload() + (http.withLock { $0 }?.reload() ?? [])
        for problem in problems { logger.error("not reloaded", metadata: ["reason": "\(problem)"]) }
        if problems.isEmpty { logger.info("certificates, users and keys reloaded") }
        do {
            try await reloadPolicy()
        } catch {
            logger.error("not reloaded", metadata: ["reason": "\(error)"])
        }
    }

    /// The log says from where on another configuration rules; a secret is no part of what it says.
    private func reloadPolicy() async throws {
        guard let new = try readAgain?(), let parts = reloadable.withLock({ $0 }) else { return }
        let text = new.effectiveText
        if text != parts.text {
            // First in the log: what cannot be recorded does not rule.
            let event = Event(time: SystemClock.now(), fact: Self.applied(new))
            _ = try await parts.log.append([event])
        }
        let policy = inForce.withLock { configuration in
            configuration.takeDelivery(of: new)
            return configuration.deliveryInForce
        }
        // Also when it is the same: the file of trusted roots may hold others now.
        parts.delivery.update(policy: policy)
        reloadable.withLock { parts in
            parts?.text = text
            parts?.policy = policy
        }
        guard text != parts.text || policy != parts.policy else { return }
        logger.notice(
            "configuration read again: delivery follows it now, the rest from the next start")
    }

    /// What it runs with, or ran with at last: as it was given, with what a reload has taken since.
    var configurationInForce: WaybillConfiguration { inForce.withLock { $0 } }

    private static func applied(_ configuration: WaybillConfiguration) -> Fact {
        .configurationApplied(
            ConfigurationApplied(
                digest: Digest.sha256Hex(of: configuration.effectiveText), version: Version.text))
    }

    private var eventLoopCount: Int {
        let configured = configuration.server.eventLoops
        return configured > 0 ? configured : NIOCore.System.coreCount
    }

    private func openLog() throws -> EventLog<MailEventCodec> {
        let directory = configuration.dataDirectory
        try DataDirectory.create(directory)
        var settings = configuration.log
        settings.epochFloor = desk.epochToWrite
        settings.gate = gate
        settings.permit = desk.lease?.permit
        let log = try EventLog.open(
            directory: DataDirectory.log(directory), codec: MailEventCodec(),
            configuration: settings)
        logger.info(
            "log open",
            metadata: [
                "data": "\(directory)", "epoch": "\(log.epoch)",
                "sequence": "\(log.position.sequence)",
            ])
        PruningWork.tidy(log.reader, directory)
        if let undone = log.undone {
            logger.warning(
                "a power failure had cut off the last commit; it was taken back, nobody had been told of it",
                metadata: ["file": "\(undone.file)", "finding": "\(undone.finding)"])
        }
        return log
    }

    private func serve(
        log: EventLog<MailEventCodec>, group: MultiThreadedEventLoopGroup
    ) async throws {
        guard !demand.isRaised else { return }
        try await appendOpeningEvents(to: log)
        // First, so that it can say why the server is not ready yet.
        let http = try await startHTTP(log, group)
        self.http.withLock { $0 = http }
        let limit = configuration.server.stopMilliseconds
        do {
            try await serveMail(log: log, group: group, limitMilliseconds: limit)
        } catch {
            await http.stop(limitSeconds: 0)
            throw error
        }
    }

    private func serveMail(
        log: EventLog<MailEventCodec>, group: MultiThreadedEventLoopGroup, limitMilliseconds: Int
    ) async throws {
        let delivery = configuration.server.delivers ? try await startDelivery(log, group) : nil
        reloadable.withLock { parts in
            parts = delivery.map {
                Reloadable(
                    log: log, delivery: $0, text: configuration.effectiveText,
                    policy: configuration.deliveryInForce)
            }
        }
        defer { reloadable.withLock { $0 = nil } }
        folds.set(try delivery?.state ?? LiveFolds.held(configuration, log, group))
        let projections = try startProjections(log, delivery)
        let compaction = try CompactionService.start(
            configuration, log.reader, folds, logger: Logger(label: "compaction"))
        let backup = try BackupService.start(
            configuration, inForce: { [self] in configurationInForce },
            configurationFile: configurationFile, log, logger: Logger(label: "backup"))
        let pruning = try PruningService.start(
            configuration, log, folds, desk: desk, backup: backup,
            logger: Logger(label: "pruning"))
        state.set(
            RunningState.Parts(
                delivery: delivery, runner: projections.runner, log: log.reader,
                compaction: compaction, backup: backup, pruning: pruning))
        defer {
            state.set(nil)
            backup?.stop()
            pruning.stop()
            compaction?.stop()
            projections.stop()
        }
        let reception = try await Reception.start(
            configuration: configuration.reception, log: log, group: group,
            now: { EventTime(microseconds: log.clock.microseconds()) },
            logger: Logger(label: "reception"))
        self.reception.withLock { $0 = reception }
        readiness.set(.ready)
        logger.info("ready", metadata: ["allocator": "\(Allocator.name)"])
        await demand.wait()
        logger.info("stopping", metadata: ["why": "\(demand.reason)"])
        readiness.set(.stopping)
        // A fenced site finishes nothing but the record of what it had begun to send.
        let mostMilliseconds = desk.stopMillisecondsMax
        let limitMilliseconds = min(limitMilliseconds, mostMilliseconds ?? .max)
        let seconds = mostMilliseconds == nil ? Double(limitMilliseconds) / 1000 : 0
        // Side by side, within one limit: what is accepted meanwhile is in the log, and is sent after the
        // next start. Before what may take long: pruning and compaction may be in the middle of a large
        // file.
        async let delivered: Void = Self.stop(
            delivery, atOnce: mostMilliseconds != nil, limitMilliseconds)
        async let received: Void = reception.stop(limitSeconds: seconds)
        pruning.stop()
        compaction?.stop()
        let http = http.withLock { $0 }
        // Not cut off at once: a connection that is just being taken must get as far as its end. What it
        // asks for is refused by the log.
        let most = mostMilliseconds.map { min(1, Double($0) / 1000) } ?? seconds
        async let httpStopped: Void? = http?.stop(limitSeconds: most)
        await received
        _ = await httpStopped
        self.reception.withLock { $0 = nil }
        folds.set(nil)
        state.set(nil)
        await delivered
    }

    private static func stop(
        _ delivery: DeliveryService?, atOnce: Bool, _ limitMilliseconds: Int
    ) async {
        if atOnce {
            await delivery?.stopAtOnce(limitMilliseconds: limitMilliseconds)
        } else {
            await delivery?.stop(limitMilliseconds: limitMilliseconds)
        }
    }

    /// The control socket always, the network listener where there is to be one.
    private func startHTTP(
        _ log: EventLog<MailEventCodec>, _ group: MultiThreadedEventLoopGroup
    ) async throws -> HTTPAPI {
        var api = configuration.http ?? .withoutNetwork(serverName: configuration.hostName)
        api.controlSocket = DataDirectory.controlSocket(configuration.dataDirectory)
        api.tenantAckLevels = configuration.reception.tenantAckLevels
        if api.listensOnNetwork, api.keysFile == nil {
            logger.warning("the HTTP API has no file of keys: only /health, /docs answer")
        }
        return try await HTTPAPI.start(
            configuration: api, log: log, readiness: readiness, state: state, folds: folds,
            messages: state, site: desk, commands: AskedStatistics.answers, group: group,
            now: { EventTime(microseconds: log.clock.microseconds()) },
            logger: Logger(label: "http"))
    }

    /// The first event of a new log opens its epoch; every start says which configuration rules.
    private func appendOpeningEvents(to log: EventLog<MailEventCodec>) async throws {
        var facts: [Fact] = []
        if log.position.sequence == 0 {
            facts.append(
                .epochStarted(
                    EpochStarted(epoch: log.epoch, site: configuration.site, reason: "created")))
        } else if let last = try log.reader.end(ofBatchAt: log.position.sequence)?.epoch,
            log.epoch > last
        {
            let origin = BackupFolder(data: configuration.dataDirectory).origin(epoch: log.epoch)
            facts.append(
                .epochStarted(
                    EpochStarted(
                        epoch: log.epoch, site: configuration.site,
                        reason: origin ?? "promoted")))
        }
        facts.append(Self.applied(configuration))
        let now = SystemClock.now()
        _ = try await log.append(facts.map { Event(time: now, fact: $0) })
    }

    private func startProjections(
        _ log: EventLog<MailEventCodec>, _ delivery: DeliveryService?
    ) throws(ProjectionError) -> ProjectionService {
        try ProjectionService.start(
            configuration: configuration, log: log.reader,
            rewrite: { [logger] name in
                guard let delivery else {
                    return logger.warning(
                        "a projection of delivery is not kept while that is held: stop the server to rebuild it",
                        metadata: ["projection": "\(name)"])
                }
                delivery.rewrite(name)
            }, logger: Logger(label: "projections"))
    }

    private func startDelivery(
        _ log: EventLog<MailEventCodec>, _ group: MultiThreadedEventLoopGroup
    ) async throws -> DeliveryService {
        try await DeliveryService.start(
            configuration: configuration, log: log,
            loaded: loaded.withLock { loaded in
                defer { loaded = nil }
                return loaded
            }, mayFinish: { [desk] in !desk.isFenced && desk.lease?.permit.isOver != true },
            eventLoop: group.next(), logger: logger)
    }
}

/// SIGHUP: reads again what can be, without dropping a session.
struct ReloadService: Service {
    let server: SiteServer

    func run() async throws {
        await SignalStream.hangups { await server.reload() }
    }
}
