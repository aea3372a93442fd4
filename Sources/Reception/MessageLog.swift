package import EventLog
package import MailEvents

/// The part of the event log that reception needs: the log itself, or a double in tests.
package protocol MessageLog: Sendable {
    /// Appends; the append's observer learns the outcome. Never blocks.
    func append(_ append: Append<Event>)
    /// Whether an append would be taken now.
    func acceptance() -> Result<Void, EventLogError>
    /// Standbys that follow now.
    var standbysPresent: Int { get }
}

extension MessageLog {
    /// None.
    package var standbysPresent: Int { 0 }
}

extension EventLog: MessageLog where Codec.Event == MailEvents.Event {}
