import MailModel

/// Names one recipient of one message.
///
/// Concurrency: value.
struct RecipientKey: Hashable, Sendable {
    var message: MessageID
    /// Number within the message, from 0.
    var number: Int
}
