/// How a log is written. The defaults are for production.
///
/// Concurrency: value; its closures are called on the writer thread unless said otherwise.
package struct EventLogConfiguration: Sendable {
    /// Bytes in use after which the next batch goes to a new segment.
    package var segmentBytesMax = 256 << 20
    /// Seconds after a segment's creation after which the next batch goes to a new one.
    package var segmentSecondsMax: Int64 = 24 * 3600
    /// Bytes a segment's map reserves, and so the most that its file can grow to. 0: twice
    /// `segmentBytesMax`, and never less than what one batch may need.
    package var mapBytes = 0
    /// Raw octets of one batch; a single larger append is a batch of its own.
    package var batchOctetsMax = 8 << 20
    /// Events of one batch; a single larger append is a batch of its own.
    package var batchEventsMax = 10_000
    /// Raw octets that may wait for the writer; more fail with `overloaded`.
    package var backlogOctetsMax = 256 << 20
    /// Events that may wait for the writer; more fail with `overloaded`.
    package var backlogEventsMax = 1_000_000
    /// Zstandard level of the events' frames.
    package var eventsLevel: Int32 = 1
    /// Zstandard level of the content blocks.
    package var contentLevel: Int32 = 1
    /// Below so many free bytes on the log's file system ``EventLog/acceptance()`` refuses.
    package var freeBytesFloor: UInt64 = 256 << 20
    /// Open on a network, overlay or FUSE file system too. They may lose what they acknowledged.
    package var allowAnyFileSystem = false
    /// Reader slots of the active segment, for other programs that read it with LMDB itself.
    package var readersMax: UInt32 = 512
    /// Opens a new reign: the first batch carries the last epoch + 1.
    package var startsNewEpoch = false
    /// The epoch that is written is at least this one: what a site was promoted to. 0: the log's last.
    package var epochFloor: UInt32 = 0
    /// Where acknowledgements wait for standbys; nil: there are none.
    package var gate: StandbyGate?
    /// Until when messages may be taken and acknowledged; nil: there is no end.
    package var permit: WritingPermit?

    /// Microseconds since the Unix epoch. Called on any thread.
    package var now: @Sendable () -> Int64 = { SystemClock.microseconds() }
    /// Milliseconds of a clock that never goes back. Called on any thread.
    package var monotonicMilliseconds: @Sendable () -> UInt64 = {
        SystemClock.monotonicMilliseconds()
    }
    /// 16 octets that name a new log, random.
    package var makeLogID: @Sendable () -> [UInt8] = { SystemRandom.octets(16) }
    /// Free bytes on the file system of a directory; nil when unknown. Called on any thread.
    package var freeBytes: @Sendable (_ directory: String) -> UInt64? = {
        FileSystem.freeBytes(of: $0)
    }
    /// Called when the outcome of a commit is unknown. Must not return in production: the process
    /// has to end, and the next start reads what is really on the disk. When it returns (tests),
    /// the log refuses everything.
    package var fatal: @Sendable (EventLogError) -> Void = { SystemExit.exit(with: $0) }
    /// Where the process kills itself, for crash tests.
    package var crashPoints = CrashPoints.ofEnvironment
    /// Errors to be met instead of a commit, for tests.
    package var faults: StorageFaults?

    /// The production defaults.
    package init() {}
}

extension EventLogConfiguration {
    /// The epoch of what is written after a position.
    func epoch(after position: Position) -> UInt32 {
        let last =
            startsNewEpoch && position.sequence > 0 ? position.epoch + 1 : position.epoch
        return max(last, epochFloor)
    }
}
