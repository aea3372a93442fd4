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
import Orders
import Projections
import Resolver

extension Delivery: LiveState {}

/// Delivery with what it needs: the queue and the suppressed addresses brought up to date and kept in
/// checkpoints, the resolver.
///
/// Concurrency: any thread; checkpoints are written by one thread of their own.
final class DeliveryService: Sendable {
    private let delivery: Delivery
    private let resolver: UnboundResolver
    private let stores: Stores
    private let thread: NIOThreadPool
    private let checkpoints: Task<Void, Never>
    private let logger: Logger

    private init(
        delivery: Delivery, resolver: UnboundResolver, stores: Stores,
        everyMilliseconds: Int, logger: Logger
    ) {
        self.delivery = delivery
        self.resolver = resolver
        self.stores = stores
        self.logger = logger
        let thread = NIOThreadPool(numberOfThreads: 1)
        thread.start()
        self.thread = thread
        checkpoints = Task {
            while !Task.isCancelled {
                try? await Task.sleep(for: .milliseconds(everyMilliseconds))
                guard !Task.isCancelled else { return }
                let queue = await delivery.withQueue { $0.takeCheckpoint() } ?? nil
                do {
                    try await thread.runIfActive {
                        try DeliveryService.keep(queue, in: stores.queue)
                    }
                } catch {
                    logger.error("queue checkpoint failed", metadata: ["reason": "\(error)"])
                    _ = await delivery.withQueue { $0.forgetChanges() }
                }
                let suppression = await delivery.withSuppression { $0.takeCheckpoint() } ?? nil
                do {
                    try await thread.runIfActive {
                        try DeliveryService.keep(suppression, in: stores.suppression)
                    }
                } catch {
                    logger.error("suppression checkpoint failed", metadata: ["reason": "\(error)"])
                    _ = await delivery.withSuppression { $0.forgetChanges() }
                }
            }
        }
    }

    /// Writes what a file lacks, and checks the file now and then.
    private static func keep<State>(
        _ checkpoint: Checkpoint?, in store: ProjectionStore<State>
    ) throws {
        if let checkpoint { try store.write(checkpoint) }
        try store.checkIfDue()
    }

    /// The folds that delivery goes by.
    var state: any LiveState { delivery }

    /// Loads the queue, unless it is `loaded` already, and begins to send. `mayFinish` is asked before
    /// the end of mail that is held when in doubt.
    static func start(
        configuration: WaybillConfiguration, log: EventLog<MailEventCodec>,
        loaded: StandbyFolds.Loaded? = nil, mayFinish: @escaping @Sendable () -> Bool,
        eventLoop: any EventLoop, logger: Logger
    ) async throws -> DeliveryService {
        let resolver = try UnboundResolver(configuration.resolver)
        let folds =
            try loaded ?? load(configuration: configuration, log: log.reader, logger: logger)
        logger.info(
            "queue ready",
            metadata: [
                "messages": "\(folds.queue.counts.messages)",
                "recipients": "\(folds.queue.counts.recipients)",
            ])
        let delivery = try await Delivery.start(
            policy: configuration.deliveryInForce, queue: folds.queue,
            suppression: folds.suppression,
            log: log, resolver: resolver,
            eventLoop: eventLoop, now: { EventTime(microseconds: log.clock.microseconds()) },
            mayFinish: mayFinish,
            logger: Logger(label: "delivery"))
        return DeliveryService(
            delivery: delivery, resolver: resolver,
            stores: Stores(queue: folds.queueStore, suppression: folds.suppressionStore),
            everyMilliseconds: configuration.server.checkpointMilliseconds, logger: logger)
    }

    /// Brings the queue and the suppressed addresses up to date.
    private static func load(
        configuration: WaybillConfiguration, log: LogReader, logger: Logger
    ) throws -> StandbyFolds.Loaded {
        let (queue, store, report) = try Queue.load(
            dataDirectory: configuration.dataDirectory, log: log
        ) { progress in
            logger.info(
                "replaying the queue",
                metadata: ["sequence": "\(progress.sequence)", "through": "\(progress.through)"])
        }
        if let setback = report.setback {
            logger.warning("queue rebuilt from the log", metadata: ["reason": "\(setback)"])
        }
        logger.info(
            "queue replayed",
            metadata: [
                "checkpoint": "\(report.checkpoint ?? 0)", "replayed": "\(report.replayed)",
            ])
        let suppressed = try Suppression.load(
            dataDirectory: configuration.dataDirectory, log: log)
        if let setback = suppressed.report.setback {
            logger.warning(
                "suppressed addresses rebuilt from the log", metadata: ["reason": "\(setback)"])
        }
        return StandbyFolds.Loaded(
            queue: queue, queueStore: store, suppression: suppressed.state,
            suppressionStore: suppressed.store)
    }

    /// Applies a changed policy to everything that begins from now on.
    func update(policy: DeliveryPolicy) { delivery.update(policy: policy) }

    /// Has a projection's file written anew, whole, with the next checkpoint: what is in memory is
    /// the queue or the suppressed addresses, the file only what a start begins with.
    func rewrite(_ name: String) {
        logger.notice("projection's file to be written anew", metadata: ["projection": "\(name)"])
        Task {
            if name == Queue.name { _ = await delivery.withQueue { $0.forgetChanges() } }
            if name == Suppression.name {
                _ = await delivery.withSuppression { $0.forgetChanges() }
            }
        }
    }

    /// What waits in the queue; nil after a stop.
    func queueFigures() async -> QueueFigures? {
        let announcements = await delivery.snapshot().announcements
        return await delivery.withQueue {
            QueueFigures(
                counts: $0.counts, suspensions: $0.suspensions.count,
                heldSince: $0.attempts.heldSince,
                intents: QueueFigures.Intents(
                    here: announcements.here, replicated: announcements.replicated,
                    degraded: announcements.degraded, withheld: announcements.withheld))
        }
    }

    /// Lets transactions under way finish, within a limit, and writes a last checkpoint.
    func stop(limitMilliseconds: Int) async {
        let limit = NIODeadline.now() + .milliseconds(Int64(limitMilliseconds))
        // Nothing is begun while a checkpoint is being written; the last one must come after it.
        delivery.beginStop(deadline: limit)
        checkpoints.cancel()
        await checkpoints.value
        let suppressions = await delivery.withSuppression { $0.takeCheckpoint() } ?? nil
        let left = await delivery.stop(deadline: limit)
        if var queue = left, let checkpoint = queue.takeCheckpoint() {
            let store = stores.queue
            do {
                try await thread.runIfActive { try store.write(checkpoint) }
            } catch {
                // Not a loss: the next start replays from the checkpoint before.
                logger.warning("last checkpoint failed", metadata: ["reason": "\(error)"])
            }
        }
        if let suppressions {
            let store = stores.suppression
            do {
                try await thread.runIfActive { try store.write(suppressions) }
            } catch {
                logger.warning("last checkpoint failed", metadata: ["reason": "\(error)"])
            }
        }
        await end()
    }

    /// Lets transactions under way finish, within a limit that begins now, whatever else is to be done:
    /// another site may be sending after it. No last checkpoint: the one under way may fail, and the next
    /// start replays from the one before.
    func stopAtOnce(limitMilliseconds: Int) async {
        checkpoints.cancel()
        let limit = NIODeadline.now() + .milliseconds(Int64(limitMilliseconds))
        _ = await delivery.stop(deadline: limit)
        await checkpoints.value
        await end()
    }

    private func end() async {
        try? await thread.shutdownGracefully()
        resolver.close()
    }

    /// Where checkpoints go.
    private struct Stores {
        let queue: Queue.Store
        let suppression: Suppression.Store
    }
}
