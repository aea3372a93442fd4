/// What this layer bounds.
package enum Limits {
    /// Size of a projection's map and so the limit of its file, octets. Address space only.
    static let mapBytes = 64 << 30
    /// Rows changed in one transaction: LMDB holds fewer than 2^17 changed pages at a time. A
    /// checkpoint of more rows is written in several, and counts only with the last.
    static let changesPerTransaction = 50_000
    /// During a long replay a checkpoint is written after so many events, so that what was
    /// replayed is not lost when the process ends.
    static let eventsBetweenReplayCheckpoints: UInt64 = 5_000_000
    /// Batches between two reports of progress.
    static let batchesBetweenReports = 256
    /// The least size of a file that LMDB has written: its two meta pages.
    static let fileOctetsMinimum = 8192
    /// Refused events that one projection passes over; with more, the fold is wrong rather than
    /// the events, and the projection stops.
    static let refusedEventsMaximum = 1000
    /// Octets kept of the reason for a refusal.
    static let refusalOctetsMaximum = 500
    /// Inflated octets of batches that are read ahead of the fold: bounds the memory of a replay.
    static let readAheadOctets = 16 << 20
    /// Batches handed to the fold at once, and their octets: what one wake-up of a thread is
    /// shared by.
    static let chunkBatches = 64
    static let chunkOctets = 1 << 20
    /// Such chunks that the quickest projection of a pass may be ahead of the slowest: four megabytes,
    /// beside those that are read ahead.
    static let chunksInFlight = 4
    /// Octets copied at a time when a snapshot is taken.
    static let copyOctets = 1 << 20
    /// Milliseconds for which a thread sleeps when nothing happens: how soon a stop, a request or
    /// a finished rebuild is noticed.
    static let pollMilliseconds = 200
    /// Milliseconds between two takings of live events: how far the state is behind the log at
    /// most, for the sake of what accepts and delivers on the same cores.
    static let gatherMilliseconds: UInt64 = 50
    /// Milliseconds between two looks for requests, and between two writings of the status.
    static let statusMilliseconds: UInt64 = 1000
    /// Milliseconds over which the speed of a projection is measured, at least; somewhat less than the
    /// time between two writings of the status.
    static let speedWindowMilliseconds: UInt64 = 900
    /// Milliseconds before the log is tried again after it could not be read.
    static let logRetryMilliseconds: UInt64 = 5000
    /// Milliseconds before a projection that has lost its file is built anew once more, after the
    /// first failure and at most: it doubles in between, since each try reads the whole log.
    static let rebuildRetryMilliseconds: UInt64 = 5000
    static let rebuildRetryMaximumMilliseconds: UInt64 = 300_000
    /// Milliseconds between two checks of every octet of a projection's file while it is used. A
    /// file that another program has changed is noticed before the next checkpoint.
    static let fileCheckMilliseconds: UInt64 = 600_000
    /// Setbacks that a status remembers; the newest are kept.
    static let setbacksMaximum = 10
    /// How often a snapshot is taken, events, and how many are kept, unless the projection says.
    package static let snapshotSpacing: UInt64 = 1_000_000
    package static let snapshotsKept = 16
    /// Octets of a status file that are read.
    static let statusOctetsMaximum = 16 << 20
}
