package import EventLog
package import Logging
package import MailEvents
package import MailModel
package import MailProjections
package import NIOCore
import NIOPosix
package import Resolver

/// Sends what waits in the queue: due, attempt, append.
///
/// Concurrency: a handle that any thread may use; the work is bound to one event loop.
package final class Delivery: Sendable {
    private let eventLoop: any EventLoop
    private let engine: NIOLoopBoundBox<DeliveryEngine?>
    private let keeper: AppendKeeper
    private let readers: NIOThreadPool
    private let durable: DurabilityWait

    private init(
        eventLoop: any EventLoop, engine: NIOLoopBoundBox<DeliveryEngine?>, keeper: AppendKeeper,
        readers: NIOThreadPool, durable: DurabilityWait
    ) {
        self.eventLoop = eventLoop
        self.engine = engine
        self.keeper = keeper
        self.readers = readers
        self.durable = durable
    }

    /// Begins to send what waits, and everything that is accepted from now on.
    ///
    /// `queue` and `suppression` are folds as loaded; what the log has beyond them is read here. Delivery follows the
    /// log from then on. Everything happens on `eventLoop`, connections included. `now` gives the time
    /// of events and due times. `mayFinish` is asked between the intent and the final dot of mail that is
    /// held when in doubt: false when another site may be sending. Throws when TLS cannot be set up (`TransportError`) or the log cannot
    /// be read.
    package static func start(
        policy: DeliveryPolicy, queue: Queue, suppression: Suppression, log: any DeliveryLog,
        resolver: any MailResolver, eventLoop: any EventLoop,
        now: @escaping @Sendable () -> EventTime,
        mayFinish: @escaping @Sendable () -> Bool = { true },
        seed: UInt64 = .random(in: 0 ... .max), logger: Logger
    ) async throws -> Delivery {
        let engine = NIOLoopBoundBox.makeEmptyBox(
            valueType: DeliveryEngine.self, eventLoop: eventLoop)
        let durable = DurabilityWait()
        let keeper = AppendKeeper(
            log: log,
            onFailure: { error in
                eventLoop.execute { engine.value?.appendFailed(error) }
            },
            onTooLarge: { error in
                eventLoop.execute { engine.value?.appendTooLarge(error) }
            },
            onEmpty: { durable.signal() })
        let announcements = Announcements(log: log) { answers in
            eventLoop.execute { engine.value?.announced(answers) }
        }
        let readers = NIOThreadPool(numberOfThreads: Limits.readerThreads)
        readers.start()
        try await eventLoop.submit {
            engine.value = try DeliveryEngine(
                policy: policy, log: log, resolver: resolver, eventLoop: eventLoop,
                readers: readers, keeper: keeper, announcements: announcements,
                mayFinish: mayFinish, now: now, seed: seed, logger: logger)
        }.get()
        let delivery = Delivery(
            eventLoop: eventLoop, engine: engine, keeper: keeper, readers: readers,
            durable: durable)
        let lastUnseen = log.follow(delivery)
        var (queue, suppression) = (queue, suppression)
        let seen = min(queue.lastSequence, suppression.lastSequence)
        if seen < lastUnseen {
            try log.forEachBatch(from: seen + 1, through: lastUnseen) { events in
                for event in events {
                    queue.apply(event)
                    suppression.apply(event)
                }
            }
        }
        let whole = (queue, suppression)
        try await eventLoop.submit { engine.value?.begin(whole.0, whole.1) }.get()
        return delivery
    }

    /// Whether a stop has begun, or is over: no attempt begins any more.
    package var isStopping: Bool {
        get async {
            let engine = engine
            let answer = try? await eventLoop.submit { engine.value?.isStopping ?? true }.get()
            return answer ?? true
        }
    }

    /// Begins no new transaction from now on, and lets those under way finish until the deadline.
    /// ``stop(deadline:)`` is to follow.
    package func beginStop(deadline: NIODeadline) {
        let engine = engine
        eventLoop.execute { _ = engine.value?.stop(deadline: deadline) }
    }

    /// Begins no new transaction, lets those under way finish until the deadline, and returns when
    /// their outcomes are durable, or have not become so within the grace after the deadline. The log
    /// may be closed afterwards.
    ///
    /// - Returns: The queue as it was left, for a last checkpoint; nil when already stopped.
    @discardableResult
    package func stop(deadline: NIODeadline) async -> Queue? {
        let engine = engine
        try? await eventLoop.flatSubmit {
            engine.value?.stop(deadline: deadline) ?? self.eventLoop.makeSucceededVoidFuture()
        }.get()
        await durable.wait(
            until: deadline + .microseconds(Limits.durabilityGraceMicroseconds), on: eventLoop
        ) { self.keeper.isEmpty }
        try? await readers.shutdownGracefully()
        return try? await eventLoop.submit {
            defer { engine.value = nil }
            return engine.value?.queue
        }.get()
    }

    /// Applies a changed policy to everything that begins from now on.
    package func update(policy: DeliveryPolicy) {
        let engine = engine
        eventLoop.execute { engine.value?.update(policy: policy) }
    }

    /// What delivery is doing now.
    package func snapshot() async -> DeliverySnapshot {
        let engine = engine
        let snapshot = try? await eventLoop.submit { engine.value?.snapshot() }.get()
        return snapshot
            ?? DeliverySnapshot(
                destinations: [], scheduledRecipients: 0, activeRecipients: 0, heldRecipients: 0,
                inDoubtRecipients: 0, announcements: AnnouncementTotals(), contentOctets: 0,
                readOctets: 0, waitingReads: 0)
    }

    /// The live queue, on the event loop: `body` should be quick, and change nothing but what it has
    /// handed out for a checkpoint. nil after ``stop(deadline:)``.
    package func withQueue<Result: Sendable>(
        _ body: @escaping @Sendable (inout Queue) -> Result
    ) async -> Result? {
        let engine = engine
        return try? await eventLoop.submit {
            engine.value.map { engine in body(&engine.queue) }
        }.get()
    }

    /// The live fold of suppressed addresses, as ``withQueue(_:)``.
    package func withSuppression<Result: Sendable>(
        _ body: @escaping @Sendable (inout Suppression) -> Result
    ) async -> Result? {
        let engine = engine
        return try? await eventLoop.submit {
            engine.value.map { engine in body(&engine.suppression) }
        }.get()
    }
}

extension Delivery: LogFollower {
    package func committed(_ batch: CommittedBatch<Event>) {
        let engine = engine
        eventLoop.execute { engine.value?.committed(batch) }
    }

    package func acknowledged(_ sequences: ClosedRange<UInt64>) {
        let engine = engine
        eventLoop.execute { engine.value?.acknowledged(sequences) }
    }
}
