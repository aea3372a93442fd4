import MailEvents
import MailModel
import Projections

// What administrators ask of the queue.
extension Queue {
    /// Keeps a suspension. One that is over at once holds nothing and only takes the place of the
    /// one before.
    mutating func suspend(_ fact: DeliverySuspended, sequence: UInt64, at time: EventTime) {
        let suspension = Suspension(
            sequence: sequence, since: time, selector: fact.order.selector, until: fact.until,
            reason: fact.order.reason.prefix(octets: Limits.reasonOctetsMaximum),
            actor: fact.order.actor.prefix(octets: Limits.reasonOctetsMaximum))
        if suspension.isOver(at: time) { return resume(suspension.selector) }
        let replaced = suspensions.remove(suspension.selector)
        if let replaced { noteRemoval(replaced) }
        _ = suspensions.insert(suspension)
    }

    /// Ends the suspension with an equal selector, if there is one.
    mutating func resume(_ selector: RecipientSelector) {
        if let removed = suspensions.remove(selector) { noteRemoval(removed) }
    }

    /// Drops the suspensions that are over at an event's time.
    mutating func dropSuspensions(overAt time: EventTime) {
        for removed in suspensions.removeOver(at: time) { noteRemoval(removed) }
    }

    private mutating func noteRemoval(_ suspension: Suspension) {
        if suspension.sequence <= savedThrough { removedSuspensions.insert(suspension.sequence) }
    }

    /// Makes the recipients that match and are due later due at this time.
    ///
    /// Reads the head of every message, and rewrites what changes: about a second for a million
    /// recipients.
    mutating func rebind(_ selector: RecipientSelector, dueAt time: EventTime) {
        if let id = selector.message {
            if let index = index(of: id) { rebind(at: index, selector, dueAt: time) }
            return
        }
        for index in table.rows.indices where !table.rows[index].isEmpty {
            rebind(at: index, selector, dueAt: time)
        }
    }

    private mutating func rebind(
        at index: Int, _ selector: RecipientSelector, dueAt time: EventTime
    ) {
        let sequence = table.sequences[index]
        var reader = RowReader(table.rows[index])
        let head = MessageRow.head(&reader)
        reader.skipText()
        reader.skipText()
        let tenant = reader.textBytes()
        let campaign = reader.textBytes()
        reader.skipText()
        guard selector.tenant.isEmpty || tenant.elementsEqual(selector.tenant.utf8),
            selector.campaign.isEmpty || campaign.elementsEqual(selector.campaign.utf8)
        else { return }
        let due = time.microseconds &- head.receivedAt
        if let row = RecipientRecord.rebound(
            table.rows[index], from: reader.offset, due: due, domain: selector.domain)
        {
            table[index] = row
            noteChange(sequence)
        }
        guard head.recipientCount > Limits.recipientsPerRow else { return }
        let end = min(Int(head.recipientCount), Limits.recipientNumbersMaximum)
        for part in 1...(end - 1) / Limits.recipientsPerRow {
            let key = PartKey(sequence: sequence, part: UInt32(part))
            guard let row = parts[key],
                let rebound = RecipientRecord.rebound(
                    row, from: 0, due: due, domain: selector.domain)
            else { continue }
            parts[key] = rebound
            changedParts.insert(key)
        }
    }
}

extension String {
    /// The text, or as much of its beginning as so many octets hold.
    func prefix(octets: Int) -> String {
        utf8.count <= octets ? self : String(decoding: utf8.prefix(octets), as: UTF8.self)
    }
}
