/// Lets a test decide how a commit and the next segment fail, and see what a start does. Never set in
/// production.
///
/// Concurrency: value; called on the writer thread, and on the one that opens the log.
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

    /// What a start does with the last segment's file, whose writer did not end in order.
    package enum StartStep: Hashable, Sendable {
        /// Its octets are flushed.
        case flush
        /// The kernel forgets them, so that they are read from the disk.
        case forget
    }

    /// What is done with the file of a segment when it begins.
    package enum SegmentStep: Hashable, Sendable {
        /// It is made, under its temporary name.
        case make
        /// It is opened to be written, under its own name.
        case open
    }

    /// Asked before each commit of a batch.
    package var beforeCommit: @Sendable () -> Fault?
    /// Asked before each step of a start, with the file. An errno: the flush fails with it.
    package var beforeStart: @Sendable (_ step: StartStep, _ file: String) -> Int32? = { _, _ in
        nil
    }

    /// Asked before each step of a segment that begins, with the file. An errno: the step fails with it.
    package var beforeSegment: @Sendable (_ step: SegmentStep, _ file: String) -> Int32? = {
        _, _ in nil
    }

    /// Creates faults.
    package init(beforeCommit: @escaping @Sendable () -> Fault?) {
        self.beforeCommit = beforeCommit
    }
}
