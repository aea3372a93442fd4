/// Lets a test decide how a commit fails. Never set in production.
///
/// Concurrency: value; called on the writer thread.
package struct StorageFaults: Sendable {
    /// How a commit fails.
    package enum Fault: Hashable, Sendable {
        /// Writing pages fails with this errno: nothing is committed.
        case write(errno: Int32)
        /// The flush fails and nothing of the commit is on the disk; no retry is allowed.
        case sync(errno: Int32)
        /// The flush is reported as failed, and everything is on the disk.
        case meta(errno: Int32)
        /// The map is full: nothing is committed.
        case mapFull
    }

    /// Asked before each commit of a batch.
    package var beforeCommit: @Sendable () -> Fault?

    /// Creates faults.
    package init(beforeCommit: @escaping @Sendable () -> Fault?) {
        self.beforeCommit = beforeCommit
    }
}
