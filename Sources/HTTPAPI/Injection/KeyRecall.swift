import EventLog
import MailEvents
import MailModel

/// Finds the idempotency keys of the log's recent past.
///
/// Concurrency: value; used by one thread.
struct KeyRecall {
    private struct Open {
        var key: IdempotencyTable.Key
        var receipt: AppendReceipt
        var time: Int64
        var messages: [(received: MessageReceived, recipients: [Mailbox])] = []
    }

    private let table: IdempotencyTable
    private var open: Open?
    /// Keys by the first sequence of what was appended with them: those that the table has, and as
    /// many again that it has forgotten meanwhile.
    private(set) var keys: [UInt64: IdempotencyTable.Key] = [:]

    init(table: IdempotencyTable) { self.table = table }

    /// Reads what the log holds since an instant, batch by batch; a batch without keys is not
    /// decoded.
    static func run(_ log: LogReader, since: EventTime, into table: IdempotencyTable) throws {
        let last = try log.lastSequence()
        guard last > 0 else { return }
        let from = try LogTime.firstSequence(at: since, in: log)
        guard from <= last else { return }
        var recall = KeyRecall(table: table)
        try log.forEachBatch(from: from, through: last) { batch in
            let isOfInterest =
                try MailEventDecoder.hasIdempotencyKeys(in: batch.bytes)
                || (!recall.keys.isEmpty && MailEventDecoder.hasPolicyFailures(in: batch.bytes))
            if isOfInterest { for event in try batch.events() { recall.take(event) } }
            // An append stands in one batch.
            recall.close()
            return true
        }
    }

    /// Takes the next event of the log.
    mutating func take(_ event: RecordedEvent) {
        switch event.event.fact {
        case .received(let fact):
            let key = IdempotencyTable.Key(tenant: fact.tenant, key: fact.idempotencyKey)
            if open?.key != key { close() }
            guard !fact.idempotencyKey.isEmpty else { return }
            if open == nil {
                let receipt = AppendReceipt(epoch: event.epoch, firstSequence: event.sequence)
                open = Open(
                    key: key, receipt: receipt, time: event.event.time.microseconds / 1_000_000)
            }
            open?.messages.append((fact, []))
        case .queued(let fact):
            guard let count = open?.messages.count, count > 0 else { return }
            open?.messages[count - 1].recipients.append(fact.recipient.mailbox)
        case .bounced(let fact):
            close()
            guard fact.attempt.isRetraction else { return }
            // Its sender was refused, and gets a new try with the same key.
            if let key = keys.removeValue(forKey: fact.recipient.message.sequence) {
                table.forget(key)
            }
        default: close()
        }
    }

    private mutating func close() {
        guard let open else { return }
        self.open = nil
        var fingerprint = Fingerprint()
        for (received, recipients) in open.messages {
            fingerprint.add(
                reversePath: received.reversePath, contentSHA256: received.contentSHA256,
                recipients: recipients, campaign: received.campaign)
        }
        keys[open.receipt.firstSequence] = open.key
        table.remember(
            open.key, fingerprint: fingerprint.value, receipt: open.receipt, time: open.time)
        // Who has forgotten a key need not be told that it was taken back.
        guard keys.count > 2 * table.count + APILimits.idempotencyRemains else { return }
        let remembered = table
        keys = keys.filter { remembered.receipt(of: $0.value)?.firstSequence == $0.key }
    }
}
