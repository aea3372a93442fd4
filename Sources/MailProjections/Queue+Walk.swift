package import MailEvents
package import MailModel
import Projections

/// Looking through the queue in bounded steps, so that whoever owns it goes on with mail in between.
extension Queue {
    /// Where a walk goes on.
    ///
    /// Concurrency: value.
    package struct WalkPlace: Hashable, Sendable {
        /// Of the message.
        var sequence: UInt64
        /// Which of the message's rows.
        var part: UInt32

        /// Where the recipients that match stand first.
        package static func beginning(of selector: RecipientSelector) -> WalkPlace {
            WalkPlace(sequence: selector.message?.sequence ?? 0, part: 0)
        }
    }

    /// A waiting recipient that a walk came by.
    ///
    /// Concurrency: value.
    package struct FoundRecipient: Sendable {
        package var waiting: WaitingRecipient
        fileprivate var row: [UInt8]
        fileprivate var localPartOffset: Int

        /// The forward-path, made when asked for.
        package var mailbox: Mailbox {
            var reader = RowReader(row, at: localPartOffset)
            return Mailbox(localPart: reader.text(), domain: waiting.queue.domain)
        }

        /// What an event about it names.
        package var reference: RecipientReference {
            RecipientReference(
                message: waiting.message, number: waiting.number, mailbox: mailbox,
                tenant: waiting.queue.tenant, campaign: waiting.queue.campaign)
        }
    }

    /// Calls `body` for waiting recipients that match, in order of acceptance, beginning at a place.
    ///
    /// - Parameters:
    ///   - selector: Which recipients match.
    ///   - place: Where to begin.
    ///   - last: Messages accepted after this sequence are left out.
    ///   - rows: Looks at so many rows of the queue, at least 2.
    ///   - matches: Ends with the row in which so many were found.
    ///   - body: Gets each of them.
    /// - Returns: Where to go on; nil when everything was looked at.
    package func walk(
        _ selector: RecipientSelector, from place: WalkPlace, through last: UInt64, rows: Int,
        matches: Int = .max, _ body: (FoundRecipient) throws -> Void
    ) rethrows -> WalkPlace? {
        var strings = StringCache()
        var budget = (rows: max(2, rows), matches: matches)
        let last = min(last, selector.message?.sequence ?? .max)
        var index = table.firstIndex(from: place.sequence)
        while index < table.rows.count, table.sequences[index] <= last {
            let sequence = table.sequences[index]
            let part = sequence == place.sequence ? place.part : 0
            guard budget.rows > 0, budget.matches > 0 else {
                return WalkPlace(sequence: sequence, part: part)
            }
            budget.rows -= 1
            if !table.rows[index].isEmpty,
                let rest = try walkMessage(
                    at: index, from: part, selector, &budget, &strings, body)
            {
                return WalkPlace(sequence: sequence, part: rest)
            }
            index += 1
        }
        return nil
    }

    /// Walks the rows of one message; returns the one to go on with, nil when it is done with.
    private func walkMessage(
        at index: Int, from first: UInt32, _ selector: RecipientSelector,
        _ budget: inout (rows: Int, matches: Int), _ strings: inout StringCache,
        _ body: (FoundRecipient) throws -> Void
    ) rethrows -> UInt32? {
        let sequence = table.sequences[index]
        var reader = RowReader(table.rows[index])
        let head = MessageRow.head(&reader)
        reader.skipText()
        reader.skipText()
        let (tenant, campaign) = (reader.textBytes(), reader.textBytes())
        guard selector.tenant.isEmpty || tenant.elementsEqual(selector.tenant.utf8),
            selector.campaign.isEmpty || campaign.elementsEqual(selector.campaign.utf8)
        else { return nil }
        let names = (tenant: strings.string(tenant), campaign: strings.string(campaign))
        reader.skipText()
        let count = min(Int(head.recipientCount), Limits.recipientNumbersMaximum)
        let parts = UInt32(max(0, count - 1) / Limits.recipientsPerRow)
        var part = first
        while part <= parts {
            guard budget.rows > 0, budget.matches > 0 else { return part }
            budget.rows -= 1
            let row =
                part == 0 ? table.rows[index] : self.parts[PartKey(sequence: sequence, part: part)]
            if let row {
                try walkRow(
                    row, from: part == 0 ? reader.offset : 0, sequence, head, names, selector,
                    &budget, &strings, body)
            }
            part += 1
        }
        return nil
    }

    private func walkRow(
        _ row: [UInt8], from start: Int, _ sequence: UInt64, _ head: MessageRow.Head,
        _ names: (tenant: String, campaign: String), _ selector: RecipientSelector,
        _ budget: inout (rows: Int, matches: Int), _ strings: inout StringCache,
        _ body: (FoundRecipient) throws -> Void
    ) rethrows {
        let id = MessageID(epoch: head.epoch, sequence: sequence)
        var reader = RowReader(row, at: start)
        while !reader.isAtEnd {
            let outline = RecipientRecord.outline(&reader)
            var domain = RowReader(row, at: outline.domainOffset)
            let queue = QueueName(
                campaign: names.campaign, tenant: names.tenant,
                domain: strings.string(domain.textBytes()))
            guard selector.matches(queue, of: id) else { continue }
            budget.matches -= 1
            try body(
                FoundRecipient(
                    waiting: WaitingRecipient(
                        message: id, number: outline.number, queue: queue,
                        due: EventTime(microseconds: head.receivedAt &+ outline.due),
                        receivedAt: EventTime(microseconds: head.receivedAt),
                        attempts: outline.attempts),
                    row: row, localPartOffset: outline.localPartOffset))
        }
    }
}
