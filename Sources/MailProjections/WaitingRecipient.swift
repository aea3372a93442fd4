package import MailModel

/// What a schedule needs to know of a waiting recipient.
package struct WaitingRecipient: Hashable, Sendable {
    package var message: MessageID
    /// Number within the message, from 0.
    package var number: Int
    package var queue: QueueName
    package var due: EventTime
    package var receivedAt: EventTime
    /// Attempts so far.
    package var attempts: Int
}
