package import EventLog
package import MailEvents
import MailModel
import Projections

/// What waits for delivery: a fold of the log.
///
/// A message is there from its `received` until the last of its recipients is final. It is held as
/// the bytes of its row (see ``MessageRow``), the same as in a checkpoint: about a sixth of what the
/// values would take, nothing to convert at start, and values are made when asked for.
///
/// Concurrency: value; the live one belongs to Delivery's event loop.
package struct Queue: Sendable {
    /// The last event applied; 0 before the first.
    package internal(set) var lastSequence: UInt64 = 0
    /// How much is queued.
    package internal(set) var counts = QueueCounts()
    /// What has happened in all.
    package internal(set) var totals = QueueTotals()
    /// The end of the last batch, if that is where ``lastSequence`` stands and it is known: after
    /// single events it is not.
    package var position: Position?

    /// What holds recipients back.
    package internal(set) var suspensions = Suspensions()

    var table = MessageTable()
    /// Rows of recipients from number 32 on; never empty ones.
    var parts: [PartKey: [UInt8]] = [:]
    /// Rows of messages after this one have never been in a checkpoint.
    var savedThrough: UInt64 = 0
    /// Whether the next checkpoint has every row.
    var needsWhole = true
    /// Messages up to ``savedThrough`` whose row has changed or gone since.
    var changed: Set<UInt64> = []
    /// The same of the rows in ``parts``, of all messages.
    var changedParts: Set<PartKey> = []
    /// Sequences up to ``savedThrough`` of suspensions that have ended since.
    var removedSuspensions: Set<UInt64> = []

    /// The queue before the first event.
    package init() {}

    /// Applies one event; one at or before ``lastSequence`` changes nothing, and so does one about
    /// a message that is not queued (its `received` stands before the log's beginning).
    package mutating func apply(_ event: RecordedEvent) {
        apply(event.event, sequence: event.sequence, epoch: event.epoch)
    }

    /// Applies a batch as the log's writer handed it over.
    package mutating func apply(_ batch: CommittedBatch<Event>) {
        var sequence = batch.firstSequence
        for event in batch.events {
            apply(event, sequence: sequence, epoch: batch.epoch)
            sequence += 1
        }
        if batch.position.sequence == lastSequence { position = batch.position }
    }

    private mutating func apply(_ event: Event, sequence: UInt64, epoch: UInt32) {
        guard sequence > lastSequence else { return }
        lastSequence = sequence
        position = nil
        if event.time.microseconds >= suspensions.firstEnd {
            dropSuspensions(overAt: event.time)
        }
        switch event.fact {
        case .received(let fact):
            totals.received += 1
            counts.messages += 1
            counts.octets &+= fact.sizeOctets
            table.append(sequence, MessageRow.make(fact, epoch: epoch, time: event.time))
        case .queued(let fact):
            totals.queued += 1
            insert(fact)
        case .deferred(let fact):
            totals.deferred += 1
            change(fact.recipient) { recipient in
                recipient.due = fact.nextDue
                recipient.inDoubt = recipient.inDoubt || fact.inDoubt
                recipient.hasOpenIntent = false
                recipient.lastDeferral = LastDeferral(fact, at: event.time)
            }
        case .attempted(let fact):
            change(fact.recipient) { $0.hasOpenIntent = true }
        case .delivered(let fact):
            totals.delivered += 1
            remove(fact.recipient)
        case .bounced(let fact):
            totals.bounced += 1
            remove(fact.recipient)
        case .expired(let fact):
            totals.expired += 1
            remove(fact.recipient)
        case .suspended(let fact):
            suspend(fact, sequence: sequence, at: event.time)
        case .resumed(let order):
            resume(order.selector)
        case .rebound(let order):
            rebind(order.selector, dueAt: event.time)
        case .rejected, .epochStarted, .configurationApplied, .cancelled, .suppressed,
            .unsuppressed, .complained, .bouncedLater, .lost, .unknown:
            break
        }
    }
}

/// Names a row that holds recipients only.
struct PartKey: Hashable, Comparable, Sendable {
    var sequence: UInt64
    /// Recipient number / 32, from 1.
    var part: UInt32

    static func < (left: PartKey, right: PartKey) -> Bool {
        (left.sequence, left.part) < (right.sequence, right.part)
    }
}

extension LastDeferral {
    /// What the queue keeps of a `deferred`.
    init(_ fact: DeliveryDeferred, at time: EventTime) {
        var attempt = fact.attempt
        attempt.waitedMicroseconds = 0
        attempt.connectingMicroseconds = 0
        attempt.transactionMicroseconds = 0
        attempt.peer = attempt.peer.map { peer in
            DeliveryPeer(
                host: peer.host, address: peer.address, port: peer.port,
                sourceAddress: peer.sourceAddress)
        }
        if attempt.reply.text.utf8.count > Limits.replyTextOctetsMaximum {
            attempt.reply.text = String(
                decoding: attempt.reply.text.utf8.prefix(Limits.replyTextOctetsMaximum),
                as: UTF8.self)
        }
        self.init(time: time, attempt: attempt, class: fact.class, saidBy: fact.saidBy)
    }
}
