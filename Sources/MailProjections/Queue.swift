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

    /// Attempts that were announced and have no settled outcome.
    package internal(set) var attempts = OpenAttempts()

    /// Pieces of contents that are needed.
    var pieces = ContentPieces()
    /// Time of the last event applied, in microseconds; 0 when only a checkpoint was loaded. Not part
    /// of the state.
    var lastTime: Int64 = 0

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
    /// Of the batch that is being read in place; nil between batches, and when its events are made
    /// into values.
    var texts: BatchTexts?
    /// Where a record is put together.
    var scratch = RowWriter(capacity: 256)

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
        guard begin(sequence, at: event.time.microseconds) else { return }
        switch event.fact {
        case .received(let fact):
            insertMessage(sequence, sizeOctets: fact.sizeOctets) {
                MessageRow.write(fact, epoch: epoch, time: event.time, to: &$0)
            }
            if !fact.contentPieces.isEmpty { pieces.use(fact.contentPieces, by: sequence) }
        case .contentReceived:
            pieces.add(sequence, at: event.time.microseconds)
        case .queued(let fact):
            totals.queued += 1
            insert(fact.recipient.message, fact.recipient.number) { row, base in
                let recipient = QueuedRecipient(
                    number: fact.recipient.number, mailbox: fact.recipient.mailbox,
                    notify: fact.notify, originalRecipient: fact.originalRecipient, due: fact.due,
                    lastDeferral: nil, inDoubt: false, hasOpenIntent: false)
                RecipientRecord.write(recipient, base: base, to: &row)
            }
        case .deferred(let fact):
            totals.deferred += 1
            postpone(
                fact.recipient.message, fact.recipient.number, due: fact.nextDue.microseconds,
                inDoubt: fact.inDoubt, isDecision: fact.saidBy.isDecision,
                at: event.time.microseconds
            ) { row, base in
                RecipientRecord.write(LastDeferral(fact, at: event.time), base: base, to: &row)
            }
        case .attempted(let fact): announce(OpenAttempt(fact, sequence: sequence, at: event.time))
        case .delivered(let fact):
            totals.delivered += 1
            remove(fact.recipient.message, fact.recipient.number)
        case .bounced(let fact):
            totals.bounced += 1
            remove(fact.recipient.message, fact.recipient.number)
        case .expired(let fact):
            totals.expired += 1
            remove(fact.recipient.message, fact.recipient.number)
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

    /// Goes on to an event.
    ///
    /// - Returns: False when it was applied before.
    @inline(__always)
    mutating func begin(_ sequence: UInt64, at time: Int64) -> Bool {
        guard sequence > lastSequence else { return false }
        lastSequence = sequence
        lastTime = time
        if position != nil { position = nil }
        if time >= suspensions.firstEnd { dropSuspensions(overAt: EventTime(microseconds: time)) }
        return true
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
        attempt.peer = attempt.peer.map(\.kept)
        if attempt.reply.text.utf8.count > Limits.replyTextOctetsMaximum {
            attempt.reply.text = String(
                decoding: attempt.reply.text.utf8.prefix(Limits.replyTextOctetsMaximum),
                as: UTF8.self)
        }
        self.init(time: time, attempt: attempt, class: fact.class, saidBy: fact.saidBy)
    }
}

extension OpenAttempt {
    /// What the queue keeps of an `attempted`.
    init(_ fact: DeliveryAttempted, sequence: UInt64, at time: EventTime) {
        self.init(
            message: fact.recipient.message, number: fact.recipient.number,
            attempt: fact.attempt.number, announcedAt: time, sequence: sequence,
            peer: fact.attempt.peer.map(\.kept))
    }
}

extension DeliveryPeer {
    /// What the queue keeps of it.
    fileprivate var kept: DeliveryPeer {
        DeliveryPeer(host: host, address: address, port: port, sourceAddress: sourceAddress)
    }
}
