/// Limits of this target.
enum Limits {
    /// Events in one batch. A column of zeros costs no bytes, so the bytes alone do not bound the
    /// memory that the values need; with this they never need more than about 300 MB. The log makes
    /// batches of at most a few megabytes. A batch with more does not decode.
    static let eventsPerBatchMax = 1 << 20
    /// Octets of scratch memory the encoder keeps from one batch to the next in a column; a giant
    /// batch does not hold memory for ever. No peer sees it.
    static let keptColumnOctetsMax = 1 << 20
}
