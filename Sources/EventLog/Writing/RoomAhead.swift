internal import Glibc

/// Zeros behind the end of the segment that is written, put there before they are needed.
///
/// A commit that lengthens its file changes how long the file is and where its octets lie, and the flush has
/// to write that too: for itself, behind the octets, through the journal where there is one. A commit into
/// octets that are there already changes nothing but these. docs/decisions/0029 has the figures.
///
/// Nothing reads the zeros: the segment ends with the last page that its meta page names, and what is ahead
/// lies behind it. They are given back when the segment is sealed or its writer ends in order; a killed
/// process leaves them. Where they cannot be written, the segment grows with each commit.
///
/// Concurrency: bound to the writer thread.
struct RoomAhead: ~Copyable {
    private let path: String
    private let freeBytes: () -> UInt64?
    private var descriptor: Int32 = -1
    /// The file has been written up to here, in octets; 0: nothing is ahead.
    private var end = 0

    /// Room for a segment.
    ///
    /// - Parameters:
    ///   - path: Of its file.
    ///   - freeBytes: On its file system; nil when unknown.
    init(path: String, freeBytes: @escaping () -> UInt64?) {
        self.path = path
        self.freeBytes = freeBytes
    }

    deinit { if descriptor >= 0 { _ = close(descriptor) } }

    /// Sees to it that the next commit finds room. No flush: that of the commit flushes the zeros, too.
    ///
    /// - Parameters:
    ///   - used: Octets of the file up to its last page. What lies behind is overwritten.
    ///   - octets: That the commit brings, without what LMDB adds.
    mutating func provide(behind used: Int, for octets: Int) {
        // A large commit pays for its growth with itself; zeros would be as many octets again.
        guard octets <= EventLogLimits.roomAheadCommitMax else { return }
        let needed = used + octets + EventLogLimits.roomAheadReserve
        guard needed > end, freeBytes() ?? 0 >= EventLogLimits.roomAheadFreeMin, open() else {
            return
        }
        let start = max(end, used)
        end = needed + EventLogLimits.roomAhead
        let zeros = [UInt8](repeating: 0, count: end - start)
        // Not looked at: what it could not write is not there, and the commit grows the file.
        _ = unsafe pwrite(descriptor, zeros, zeros.count, off_t(start))
    }

    /// Gives the room back; before that nothing else may be behind `used`.
    mutating func giveBack(behind used: Int) {
        guard end > used else { return }
        // One that cannot be cut keeps its zeros, which harm nobody.
        _ = ftruncate(descriptor, off_t(used))
        end = 0
    }

    private mutating func open() -> Bool {
        if descriptor < 0 { descriptor = unsafe Glibc.open(path, O_WRONLY | O_CLOEXEC) }
        return descriptor >= 0
    }
}
