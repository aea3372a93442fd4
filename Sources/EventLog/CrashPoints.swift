internal import Glibc
internal import Synchronization

/// Named places where the process kills itself with SIGKILL, for crash tests.
///
/// Set by the environment: `WAYBILL_CRASH_AT=commit.after` the first time the place is reached,
/// `WAYBILL_CRASH_AT=commit.after:7` the seventh time.
///
/// Concurrency: may be shared.
package final class CrashPoints: Sendable {
    /// The places, in the order in which they are reached.
    package enum Point: String, CaseIterable, Sendable {
        /// The batch stands in the transaction, nothing of it on the disk.
        case beforeCommit = "commit.before"
        /// The batch is written with its meta page, and not flushed.
        case written = "commit.written"
        /// The batch is durable, nobody knows.
        case afterCommit = "commit.after"
        /// As `commit.after`, and the log's position has moved; the observers are told next.
        case beforeAcknowledgement = "ack.before"
        /// The observers of a batch have been told.
        case afterAcknowledgement = "ack.after"
        /// The new segment is complete under its temporary name, the old one has no seal.
        case created = "rotate.created"
        /// The old segment has its seal, the new one only its temporary name.
        case sealed = "rotate.sealed"
        /// The new segment has its name, the directory is not flushed.
        case renamed = "rotate.renamed"
        /// Rewriting a sealed segment begins.
        case compactionBegun = "compact.begun"
        /// The rewritten segment is durable under its temporary name.
        case compactionWritten = "compact.written"
        /// It has been read from end to end.
        case compactionChecked = "compact.checked"
        /// It stands in the old file's place.
        case compactionRenamed = "compact.renamed"
        /// A segment that only this site has is exported, and removed here.
        case tailRemoved = "tail.removed"
        /// A log that begins behind a cut has its record, and no segment yet.
        case begun = "begin.recorded"
        /// What can go is known, nothing was written.
        case pruningBegun = "prune.begun"
        /// A segment is in the archive, whole, under its temporary name.
        case pruningCopied = "prune.copied"
        /// All of them are in the archive, durably, under their names.
        case pruningArchived = "prune.archived"
        /// The projections' states as of the cut are there, and were read back.
        case pruningSignedOff = "prune.signed"
        /// The record of the cut is durable: from here on the segments before it are gone, whatever
        /// is still on the disk.
        case pruningRecorded = "prune.recorded"
        /// A segment was removed.
        case pruningRemoved = "prune.removed"
        /// All of them were removed, durably; what is left is older states.
        case pruningDone = "prune.done"
    }

    /// As `WAYBILL_CRASH_AT` says; read once.
    package static let ofEnvironment = CrashPoints(
        unsafe getenv("WAYBILL_CRASH_AT").map { unsafe String(cString: $0) })

    private let point: Point?
    private let passesLeft: Mutex<Int>

    /// Creates them from `name` or `name:count`; nil or an unknown name: never.
    package init(_ text: String?) {
        let parts = (text ?? "").split(separator: ":", maxSplits: 1)
        point = parts.first.flatMap { Point(rawValue: String($0)) }
        passesLeft = Mutex(parts.count > 1 ? Int(parts[1]) ?? 1 : 1)
    }

    /// Kills the process if this is the place and the time.
    func reach(_ point: Point) {
        guard point == self.point else { return }
        let now = passesLeft.withLock { left in
            left -= 1
            return left == 0
        }
        if now { kill(getpid(), SIGKILL) }
    }
}
