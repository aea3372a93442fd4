import MailEvents
import MailModel
import Projections

// Changing recipients where they stand in their rows.
extension Queue {
    /// Adds a message; `write` writes its row.
    @inline(__always)
    mutating func insertMessage(
        _ sequence: UInt64, sizeOctets: Int, _ write: (inout RowWriter) -> Void
    ) {
        totals.received += 1
        counts.messages += 1
        counts.octets &+= sizeOctets
        var row = RowWriter(continuing: table.room())
        write(&row)
        table.append(sequence, row.bytes)
    }

    /// Adds a waiting recipient, whose record `write` writes, given when the message was received.
    /// One with a number that waits already is left as it is.
    @inline(__always)
    mutating func insert(
        _ message: MessageID, _ number: Int, _ write: (inout RowWriter, _ base: Int64) -> Void
    ) {
        guard let index = index(of: message),
            (0..<Limits.recipientNumbersMaximum).contains(number)
        else { return }
        let head = head(at: index)
        let inserted = withRow(index, message, number) { row, start in
            guard case .missing(let place) = RecipientRecord.find(number, in: row, from: start)
            else { return false }
            if place == row.count {
                var taken: [UInt8] = []
                swap(&taken, &row)
                var writer = RowWriter(continuing: taken)
                taken = []
                write(&writer, head.receivedAt)
                row = writer.bytes
            } else {
                var writer = RowWriter(capacity: 64)
                write(&writer, head.receivedAt)
                row.insert(contentsOf: writer.bytes, at: place)
            }
            return true
        }
        guard inserted else { return }
        MessageRow.count(&table[index], seen: 1, waiting: 1)
        if number >= Int(head.recipientCount) {
            MessageRow.raiseRecipientCount(&table[index], to: UInt32(clamping: number + 1))
        }
        counts.recipients += 1
        noteChange(message.sequence)
    }

    /// Takes in the outcome of a failed attempt, which `write` writes, given when the message was
    /// received; does nothing if the recipient does not wait.
    ///
    /// One that is in doubt by itself leaves an announced attempt open: its recipient is held from
    /// `time` on. Everything else settles it, a decision about the doubt too.
    @inline(__always)
    mutating func postpone(
        _ message: MessageID, _ number: Int, due: Int64, inDoubt: Bool, isDecision: Bool,
        at time: Int64, _ write: (inout RowWriter, _ base: Int64) -> Void
    ) {
        guard let index = index(of: message), number >= 0 else { return }
        let base = head(at: index).receivedAt
        scratch.bytes.removeAll(keepingCapacity: true)
        var record = RowWriter()
        swap(&record, &scratch)
        let flags = withRow(index, message, number) { row, start -> (old: UInt8, new: UInt8)? in
            guard
                case .found(let range, let old) = RecipientRecord.find(
                    number, in: row, from: start)
            else { return nil }
            let kept = RecipientRecord.textsRange(row, at: range.lowerBound)
            let new =
                old & (0x0F | RecipientRecord.inDoubt | RecipientRecord.originalRecipient)
                | RecipientRecord.deferred | (inDoubt ? RecipientRecord.inDoubt : 0)
                | (inDoubt && !isDecision ? old & RecipientRecord.openIntent : 0)
            record.write(varint: UInt64(number))
            record.write(new)
            record.write(signed: due &- base)
            record.write(raw: row, kept)
            write(&record, base)
            row.replaceSubrange(range, with: record.bytes)
            return (old, new)
        }
        swap(&record, &scratch)
        guard let flags else { return }
        count(flags.old, -1)
        count(flags.new, 1)
        noteChange(message.sequence)
        guard flags.old & RecipientRecord.openIntent != 0 else { return }
        if flags.new & RecipientRecord.openIntent != 0 {
            attempts.hold(message, number, since: EventTime(microseconds: time))
        } else {
            attempts.close(message, number)
        }
        counts.held = attempts.heldCount
    }

    /// Notes that an attempt was announced; does nothing if the recipient does not wait.
    mutating func announce(_ attempt: OpenAttempt) {
        let (message, number) = (attempt.message, attempt.number)
        guard let index = index(of: message), number >= 0 else { return }
        let old = withRow(index, message, number) { row, start -> UInt8? in
            guard
                case .found(let range, let old) = RecipientRecord.find(
                    number, in: row, from: start)
            else { return nil }
            row[RecipientRecord.flagsOffset(row, at: range.lowerBound)] |=
                RecipientRecord.openIntent
            return old
        }
        guard let old else { return }
        count(old, -1)
        count(old | RecipientRecord.openIntent, 1)
        noteChange(message.sequence)
        attempts.open(attempt)
        counts.held = attempts.heldCount
    }

    /// Takes out a recipient that is final, and the message with the last one.
    mutating func remove(_ message: MessageID, _ number: Int) {
        guard let index = index(of: message), number >= 0 else { return }
        // The row of a message that goes with it need not be put in order first.
        let goes = number < Limits.recipientsPerRow && MessageRow.isLast(table.rows[index])
        let flags = withRow(index, message, number) { row, start -> UInt8? in
            guard
                case .found(let range, let flags) = RecipientRecord.find(
                    number, in: row, from: start)
            else { return nil }
            if !goes { row.removeSubrange(range) }
            return flags
        }
        guard let flags else { return }
        count(flags, -1)
        counts.recipients -= 1
        if flags & RecipientRecord.openIntent != 0 {
            attempts.close(message, number)
            counts.held = attempts.heldCount
        }
        if !goes { MessageRow.count(&table[index], seen: 0, waiting: -1) }
        noteChange(message.sequence)
        guard goes || MessageRow.isFinal(table.rows[index]) else { return }
        counts.messages -= 1
        counts.octets &-= head(at: index).sizeOctets
        table.remove(at: index)
        pieces.release(message.sequence)
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
        return MessageRow.epoch(table.rows[index]) == id.epoch ? index : nil
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
    @inline(__always)
    private mutating func withRow<Value>(
        _ index: Int, _ message: MessageID, _ number: Int,
        _ body: (inout [UInt8], _ start: Int) -> Value
    ) -> Value {
        let part = UInt32(clamping: number / Limits.recipientsPerRow)
        guard part > 0 else {
            let start = MessageRow.recipientsOffset(table.rows[index])
            return body(&table[index], start)
        }
        let key = PartKey(sequence: message.sequence, part: part)
        let value = body(&parts[key, default: []], 0)
        if parts[key]?.isEmpty == true { parts[key] = nil }
        changedParts.insert(key)
        return value
    }
}
