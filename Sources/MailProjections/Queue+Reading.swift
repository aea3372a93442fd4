package import MailEvents
package import MailModel
import Projections

extension Queue {
    /// The message, if a recipient of it still waits (or is about to be queued).
    package func message(_ id: MessageID) -> QueuedMessage? {
        guard let index = index(of: id) else { return nil }
        var strings = StringCache(isShared: false)
        return message(at: index, strings: &strings)
    }

    /// The message with those of the recipients `numbers` that still wait; nil when none of the
    /// message does.
    ///
    /// Only the rows in which they stand are read: what it costs grows with `numbers`, not with the
    /// message. `recordsRead` grows by the recipients that were looked at, at most
    /// ``Limits/recipientsPerRow`` for each one wanted.
    package func message(
        _ id: MessageID, recipients numbers: [Int], recordsRead: inout Int
    ) -> QueuedMessage? {
        guard let index = index(of: id) else { return nil }
        let base = head(at: index).receivedAt
        var strings = StringCache(isShared: false)
        var reader = RowReader(table.rows[index])
        var message = MessageRow.message(&reader, sequence: id.sequence, strings: &strings)
        message.isInPieces = pieces.byMessage[id.sequence] != nil
        var rest = numbers.sorted()[...]
        while let first = rest.first {
            let part = first / Limits.recipientsPerRow
            let here = rest.prefix { $0 / Limits.recipientsPerRow == part }
            rest = rest.dropFirst(here.count)
            let row =
                part == 0
                ? table.rows[index]
                : parts[PartKey(sequence: id.sequence, part: UInt32(clamping: part))] ?? []
            RecipientRecord.read(
                here, in: row, from: part == 0 ? reader.offset : 0, base: base,
                strings: &strings, recordsRead: &recordsRead, into: &message.recipients)
        }
        return message
    }

    /// Calls `body` for every message in order of acceptance.
    package func forEachMessage(_ body: (QueuedMessage) throws -> Void) rethrows {
        var strings = StringCache()
        for index in table.rows.indices where !table.rows[index].isEmpty {
            try body(message(at: index, strings: &strings))
        }
    }

    /// Calls `body` for every waiting recipient in order of acceptance, cheaper than
    /// ``forEachMessage(_:)``: for building a schedule.
    package func forEachWaiting(_ body: (WaitingRecipient) throws -> Void) rethrows {
        var strings = StringCache()
        for index in table.rows.indices where !table.rows[index].isEmpty {
            let sequence = table.sequences[index]
            var reader = RowReader(table.rows[index])
            let head = MessageRow.head(&reader)
            reader.skipText()
            reader.skipText()
            let tenant = strings.string(reader.textBytes())
            let campaign = strings.string(reader.textBytes())
            reader.skipText()
            let id = MessageID(epoch: head.epoch, sequence: sequence)
            try forEachRecipientRow(sequence, head, table.rows[index], reader.offset) {
                row, start in
                var reader = RowReader(row, at: start)
                var count = 0
                while !reader.isAtEnd {
                    let outline = RecipientRecord.outline(&reader)
                    var domain = RowReader(row, at: outline.domainOffset)
                    count += 1
                    try body(
                        WaitingRecipient(
                            message: id, number: outline.number,
                            queue: QueueName(
                                campaign: campaign, tenant: tenant,
                                domain: strings.string(domain.textBytes())),
                            due: EventTime(microseconds: head.receivedAt &+ outline.due),
                            receivedAt: EventTime(microseconds: head.receivedAt),
                            attempts: outline.attempts))
                }
                return count
            }
        }
    }

    /// Calls `body` for every waiting recipient that matches, in order of acceptance.
    package func forEachWaiting(
        matching selector: RecipientSelector, _ body: (WaitingRecipient) throws -> Void
    ) rethrows {
        guard let id = selector.message else {
            return try forEachWaiting { waiting in
                if selector.matches(waiting.queue, of: waiting.message) { try body(waiting) }
            }
        }
        guard let message = message(id) else { return }
        for recipient in message.recipients {
            let queue = QueueName(
                campaign: message.campaign, tenant: message.tenant,
                domain: recipient.mailbox.domain)
            guard selector.matches(queue, of: id) else { continue }
            try body(
                WaitingRecipient(
                    message: id, number: recipient.number, queue: queue, due: recipient.due,
                    receivedAt: message.receivedAt, attempts: recipient.attempts))
        }
    }

    /// Makes the value of the message at a place.
    func message(at index: Int, strings: inout StringCache) -> QueuedMessage {
        let sequence = table.sequences[index]
        let head = head(at: index)
        var reader = RowReader(table.rows[index])
        var message = MessageRow.message(&reader, sequence: sequence, strings: &strings)
        message.isInPieces = pieces.byMessage[sequence] != nil
        message.recipients.reserveCapacity(min(Int(head.waiting), 1024))
        forEachRecipientRow(sequence, head, table.rows[index], reader.offset) { row, start in
            var reader = RowReader(row, at: start)
            let before = message.recipients.count
            while !reader.isAtEnd {
                message.recipients.append(
                    RecipientRecord.read(&reader, base: head.receivedAt, strings: &strings))
            }
            return message.recipients.count - before
        }
        return message
    }

    /// Gives `body` each row with recipients of a message, ascending, and where records begin in
    /// it; `body` returns how many it found, so that the search for more ends with the last.
    private func forEachRecipientRow(
        _ sequence: UInt64, _ head: MessageRow.Head, _ row: [UInt8], _ start: Int,
        _ body: (_ row: [UInt8], _ start: Int) throws -> Int
    ) rethrows {
        var rest = Int(head.waiting) - (try body(row, start))
        var part: UInt32 = 1
        let end = min(Int(head.recipientCount), Limits.recipientNumbersMaximum)
        while rest > 0, Int(part) * Limits.recipientsPerRow < end {
            if let row = parts[PartKey(sequence: sequence, part: part)] {
                rest -= try body(row, 0)
            }
            part += 1
        }
    }
}
