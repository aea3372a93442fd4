package import EventLog

/// The states as of the cut of a pruned log, as files: what a site without a log needs to begin behind it.
///
/// Concurrency: any thread; one thread at a time receives.
package protocol PrunedStates: Sendable {
    /// The file of a state of this site's log.
    ///
    /// - Parameters:
    ///   - base: Which.
    ///   - record: Of the log.
    /// - Returns: Its path; it need not be there.
    func path(of base: PruneRecord.Base, in record: PruneRecord) -> String

    /// Makes room for states that are received, and forgets what an earlier try has left.
    ///
    /// - Throws: When there is none.
    func prepare() throws

    /// Where a state is put together that is received.
    ///
    /// - Parameter base: Which.
    /// - Returns: A path.
    func incomingPath(of base: PruneRecord.Base) -> String

    /// All states of a record have been received: believes none before it has read it back, then gives
    /// them their names, durably.
    ///
    /// - Parameter beginning: Where the log will begin.
    /// - Throws: When one is not what the record says.
    func install(_ beginning: LogBeginning) throws
}
