/// What this layer bounds.
enum Limits {
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
}
