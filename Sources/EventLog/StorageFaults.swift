/// Lets a test decide how a commit fails. Never set in production.
///
/// Concurrency: value; called on the writer thread.
package struct StorageFaults: Sendable {
    /// How a commit fails.
    package enum Fault: Hashable, Sendable {
        /// Writing pages fails with this errno: nothing is committed.
        case write(errno: Int32)
        /// The data's flush fails: nothing is committed, and no retry is allowed.
        case sync(errno: Int32)
        /// Everything is committed, and then the meta page's write is reported as failed.
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
