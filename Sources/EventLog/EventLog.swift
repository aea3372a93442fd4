/// The writer of a log.
package final class EventLog<Codec: BatchCodec>: Sendable {
    private let directory: String

    private init(directory: String) {
        self.directory = directory
    }

    /// Opens (or creates) the log in `directory`, which holds the segments (`DATA/log`).
    package static func open(
        directory: String, codec: Codec, configuration: EventLogConfiguration = .init()
    ) throws(EventLogError) -> EventLog<Codec> {
        EventLog(directory: directory)
    }

    /// Appends; the outcome goes to the append's observer.
    package func append(_ append: Append<Codec.Event>) {
        append.observer?.appendsCompleted([
            AppendOutcome(
                token: append.token, result: .failure(EventLogError(.closed, "not yet")))
        ])
    }

    /// Appends and waits until it is durable.
    package func append(
        _ events: [Codec.Event], contents: [Content] = []
    ) async throws(EventLogError) -> AppendReceipt {
        throw EventLogError(.closed, "not yet")
    }

    /// Passes every batch from now on to `follower`.
    ///
    /// - Returns: the last sequence that is *not* passed to it: read up to there with ``reader``.
    package func follow(_ follower: any LogFollower<Codec.Event>) -> UInt64 { 0 }

    /// Passes no further batch to `follower`.
    package func unfollow(_ follower: any LogFollower<Codec.Event>) {}

    /// Reads this log, up to what is durable.
    package var reader: LogReader { LogReader(directory: directory) }

    /// Where the durable log ends.
    package var position: Position { Position(epoch: 1, sequence: 0, chainHash: []) }

    /// Whether new messages should be taken: `.failure` with `outOfSpace` below the free-space
    /// floor, with `overloaded` when too much waits for the disk, with `closed`.
    package func acceptance() -> Result<Void, EventLogError> { .success(()) }

    /// Writes what was appended, then stops the writer. Returns when it has stopped.
    package func close() {}
}
