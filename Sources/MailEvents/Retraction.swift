package import EventLog
package import MailModel

extension Attempt {
    /// What stands for the command where a message was taken back: nobody was asked.
    package static let retraction = "retraction"

    /// Whether this took back a message that was never acknowledged.
    package var isRetraction: Bool { command == Self.retraction }
}

extension DeliveryBounced {
    /// What a recipient gets whose message was recorded here and refused all the same, because it was
    /// not on enough standbys in time. Its sender was told so and still has it: nothing was sent, and
    /// nobody gets a notification.
    ///
    /// 4.4.0 (RFC 3463 section 3.5), as the client was told.
    ///
    /// - Parameters:
    ///   - recipient: Who is not sent to.
    ///   - reason: In words, one line.
    package init(retracting recipient: RecipientReference, reason: String) {
        self.init(
            recipient: recipient,
            attempt: Attempt(
                number: 0,
                reply: Reply(451, EnhancedStatusCode(4, 4, 0), "refused to its sender: \(reason)"),
                command: Attempt.retraction),
            class: .none, saidBy: .policy)
    }
}

extension Append where Event == MailEvents.Event {
    /// What takes messages back that were appended and may not be acknowledged: a `bounced` for each of
    /// their recipients.
    ///
    /// - Parameters:
    ///   - events: Of the append.
    ///   - now: The time of the new events.
    /// - Returns: Nothing that changes the append: what it is given as its retraction.
    package static func takingBack(
        _ events: [Event], now: @escaping @Sendable () -> EventTime
    ) -> Retraction {
        { receipt, error in
            let time = now()
            return events.compactMap { event in
                guard case .queued(let queued) = event.fact else { return nil }
                var recipient = queued.recipient
                recipient.message = recipient.message.resolved(
                    epoch: receipt.epoch, appendFirst: receipt.firstSequence)
                return Event(
                    time: time,
                    fact: .bounced(
                        DeliveryBounced(retracting: recipient, reason: error.message)))
            }
        }
    }
}
