package import EventLog
package import MailEvents

/// The part of the event log that reception needs: the log itself, or a double in tests.
package protocol MessageLog: Sendable {
    /// Appends; the append's observer learns the outcome. Never blocks.
    func append(_ append: Append<Event>)
    /// Whether an append would be taken now.
    func acceptance() -> Result<Void, EventLogError>
}

extension EventLog: MessageLog where Codec.Event == MailEvents.Event {}
