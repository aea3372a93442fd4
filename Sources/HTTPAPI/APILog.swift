package import EventLog
package import MailEvents
package import Orders

/// The part of the event log that the API needs: the log itself, or a double in tests.
package protocol APILog: OrderLog {
    /// Whether an append would be taken now.
    func acceptance() -> Result<Void, EventLogError>
    /// Appends and waits until it is durable, here and on as many standbys as is asked for; where that
    /// is refused in the end, it is taken back first.
    func append(
        _ events: [Event], contents: [Content], demand: StandbyDemand?,
        retraction: Append<Event>.Retraction?
    ) async throws(EventLogError) -> AppendReceipt
    /// Standbys that follow now.
    var standbysPresent: Int { get }
    /// Standbys that have made the log durable up to there.
    func standbys(having sequence: UInt64) -> Int
    /// Seals the active segment; returns its first sequence, nil when it has no event.
    func seal() async throws(EventLogError) -> UInt64?
    /// Passes every batch from now on to the follower; returns the last sequence that is not.
    func follow(_ follower: any LogFollower<Event>) -> UInt64
    /// Passes no further batch to the follower.
    func unfollow(_ follower: any LogFollower<Event>)
    /// Reads what is durable.
    ///
    /// - Throws: `notFound` while there is no log yet, with what to do, in words that everybody may read.
    var reader: LogReader { get throws(EventLogError) }
}

extension EventLog: APILog where Codec.Event == MailEvents.Event {}
