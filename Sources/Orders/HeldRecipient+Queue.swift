package import MailEvents
package import MailModel
package import MailProjections

extension HeldRecipient {
    /// Reads the next ones from a queue.
    ///
    /// - Parameters:
    ///   - queue: Where they wait.
    ///   - selector: Which match.
    ///   - recipient: Only this one; nil: any.
    ///   - onlyHeld: Without those under way.
    ///   - place: Where to go on: the last one that was looked at before; afterwards the last one now.
    ///   - limit: Looks at no more.
    /// - Returns: Those that match, by message and number.
    package static func next(
        in queue: borrowing Queue, matching selector: RecipientSelector, recipient: Mailbox? = nil,
        onlyHeld: Bool = false, from place: inout OpenAttempts.Key?, limit: Int
    ) -> [HeldRecipient] {
        var found: [HeldRecipient] = []
        let attempts = queue.attempts.next(after: place, limit: limit)
        for open in attempts where open.isHeld || !onlyHeld {
            guard selector.message == nil || selector.message == open.message,
                let held = HeldRecipient(open, in: queue),
                selector.matches(held.reference.queue, of: open.message),
                recipient.map({ $0.isSame(as: held.reference.mailbox) }) ?? true
            else { continue }
            found.append(held)
        }
        place = attempts.last.map { OpenAttempts.Key($0.message, $0.number) }
        return found
    }

    private init?(_ open: OpenAttempt, in queue: borrowing Queue) {
        var recordsRead = 0
        guard
            let message = queue.message(
                open.message, recipients: [open.number], recordsRead: &recordsRead),
            let recipient = message.recipients.first
        else { return nil }
        self.init(
            reference: RecipientReference(
                message: open.message, number: open.number, mailbox: recipient.mailbox,
                tenant: message.tenant, campaign: message.campaign),
            attempt: open.attempt, announcedAt: open.announcedAt, sequence: open.sequence,
            peer: open.peer, heldSince: open.heldSince)
    }
}

extension Mailbox {
    /// Whether people would say that it is the same one.
    fileprivate func isSame(as other: Mailbox) -> Bool {
        domain == other.domain && localPart.asciiLowercased() == other.localPart.asciiLowercased()
    }
}
