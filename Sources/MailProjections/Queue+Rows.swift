import MailEvents
import MailModel
import Projections

// Changing recipients where they stand in their rows.
extension Queue {
    /// Adds a waiting recipient. One with a number that waits already is left as it is.
    mutating func insert(_ fact: RecipientQueued) {
        guard let index = index(of: fact.recipient.message),
            (0..<Limits.recipientNumbersMaximum).contains(fact.recipient.number)
        else { return }
        let recipient = QueuedRecipient(
            number: fact.recipient.number, mailbox: fact.recipient.mailbox, notify: fact.notify,
            originalRecipient: fact.originalRecipient, due: fact.due, lastDeferral: nil,
            inDoubt: false, hasOpenIntent: false)
        let head = head(at: index)
        let inserted = withRow(index, fact.recipient) { row, start in
            guard
                case .missing(let place) = RecipientRecord.find(
                    recipient.number, in: row, from: start)
            else { return false }
            if place == row.count {
                var taken: [UInt8] = []
                swap(&taken, &row)
                var writer = RowWriter(continuing: taken)
                taken = []
                RecipientRecord.write(recipient, base: head.receivedAt, to: &writer)
                row = writer.bytes
            } else {
                var writer = RowWriter(capacity: 64)
                RecipientRecord.write(recipient, base: head.receivedAt, to: &writer)
                row.insert(contentsOf: writer.bytes, at: place)
            }
            return true
        }
        guard inserted else { return }
        MessageRow.count(&table[index], seen: 1, waiting: 1)
        if recipient.number >= Int(head.recipientCount) {
            MessageRow.raiseRecipientCount(
                &table[index], to: UInt32(clamping: recipient.number + 1))
        }
        counts.recipients += 1
        noteChange(fact.recipient.message.sequence)
    }

    /// Changes a waiting recipient; does nothing if it does not wait.
    mutating func change(
        _ reference: RecipientReference, _ change: (inout QueuedRecipient) -> Void
    ) {
        guard let index = index(of: reference.message), reference.number >= 0 else { return }
        let base = head(at: index).receivedAt
        let flags = withRow(index, reference) { row, start -> (old: UInt8, new: UInt8)? in
            guard
                case .found(let range, let old) = RecipientRecord.find(
                    reference.number, in: row, from: start)
            else { return nil }
            var strings = StringCache(isShared: false)
            var reader = RowReader(row, at: range.lowerBound)
            var recipient = RecipientRecord.read(&reader, base: base, strings: &strings)
            change(&recipient)
            var writer = RowWriter(capacity: 256)
            RecipientRecord.write(recipient, base: base, to: &writer)
            row.replaceSubrange(range, with: writer.bytes)
            return (old, RecipientRecord.flags(of: recipient))
        }
        guard let flags else { return }
        count(flags.old, -1)
        count(flags.new, 1)
        noteChange(reference.message.sequence)
    }

    /// Takes out a recipient that is final, and the message with the last one.
    mutating func remove(_ reference: RecipientReference) {
        let sequence = reference.message.sequence
        guard let index = index(of: reference.message), reference.number >= 0 else { return }
        let flags = withRow(index, reference) { row, start -> UInt8? in
            guard
                case .found(let range, let flags) = RecipientRecord.find(
                    reference.number, in: row, from: start)
            else { return nil }
            row.removeSubrange(range)
            return flags
        }
        guard let flags else { return }
        count(flags, -1)
        counts.recipients -= 1
        MessageRow.count(&table[index], seen: 0, waiting: -1)
        noteChange(sequence)
        guard MessageRow.isFinal(table[index]) else { return }
        counts.messages -= 1
        counts.octets &-= head(at: index).sizeOctets
        table.remove(at: index)
    }

    /// Counts a recipient's state in (+1) or out (-1).
    mutating func count(_ flags: UInt8, _ difference: Int) {
        if flags & RecipientRecord.deferred != 0 { counts.deferred += difference }
        if flags & (RecipientRecord.inDoubt | RecipientRecord.openIntent) != 0 {
            counts.inDoubt += difference
        }
    }

    /// Where the message's row is; nil when it is not queued.
    func index(of id: MessageID) -> Int? {
        guard let index = table.index(of: id.sequence) else { return nil }
        return head(at: index).epoch == id.epoch ? index : nil
    }

    /// The fixed fields of the row at a place.
    func head(at index: Int) -> MessageRow.Head {
        var reader = RowReader(table.rows[index])
        return MessageRow.head(&reader)
    }

    mutating func noteChange(_ sequence: UInt64) {
        if sequence <= savedThrough { changed.insert(sequence) }
    }

    /// Gives `body` the row that the recipient stands in, and where records begin in it.
    private mutating func withRow<Value>(
        _ index: Int, _ reference: RecipientReference,
        _ body: (inout [UInt8], _ start: Int) -> Value
    ) -> Value {
        let part = UInt32(clamping: reference.number / Limits.recipientsPerRow)
        guard part > 0 else {
            let start = MessageRow.recipientsOffset(table.rows[index])
            return body(&table[index], start)
        }
        let key = PartKey(sequence: reference.message.sequence, part: part)
        let value = body(&parts[key, default: []], 0)
        if parts[key]?.isEmpty == true { parts[key] = nil }
        changedParts.insert(key)
        return value
    }
}
