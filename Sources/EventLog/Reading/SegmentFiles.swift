internal import Synchronization

/// The segments of a log, for reading: the list of them, and the open files.
///
/// Concurrency: may be shared.
final class SegmentFiles: Sendable {
    private struct State {
        var firsts: [UInt64] = []
        var pruned: PruneRecord?
        var open: [UInt64: SegmentFile] = [:]
        /// Least recently used first.
        var order: [UInt64] = []
        /// How often files were forgotten: one that was opened before may be another by now.
        var forgotten = 0
    }

    let directory: LogDirectory
    private let state = Mutex(State())
    /// Held while the directory is listed and the list put in place: a list never takes the place of
    /// one that was made after it.
    private let listing = Mutex(())

    init(directory: LogDirectory) {
        self.directory = directory
    }

    /// First sequences of the segments, ascending, as last listed.
    var firsts: [UInt64] { state.withLock { $0.firsts } }

    /// What was pruned, as last read; nil for a log that is whole.
    var pruned: PruneRecord? { state.withLock { $0.pruned } }

    /// Held while a segment's file is replaced or removed: not both at once.
    let replacing = Monitor(())

    /// How often files were forgotten.
    var forgotten: Int { state.withLock { $0.forgotten } }

    /// Lists the directory again.
    ///
    /// - Returns: whether a segment has come.
    @discardableResult
    func refresh() throws(EventLogError) -> Bool {
        try listing.withLock { (_) throws(EventLogError) in
            let listed = try directory.list().segments
            let pruned = try directory.pruned()
            return take(listed.filter { $0 >= pruned?.firstSequence ?? 1 }, pruned)
        }
    }

    private func take(_ kept: [UInt64], _ pruned: PruneRecord?) -> Bool {
        state.withLock { state in
            let changed = kept != state.firsts
            state.firsts = kept
            state.pruned = pruned
            // A file that is removed takes room as long as somebody has it open.
            for first in state.order where first < kept.first ?? 1 { state.open[first] = nil }
            state.order.removeAll { $0 < kept.first ?? 1 }
            return changed
        }
    }

    /// The segment that holds `sequence` if any does, as far as the list says.
    func file(for sequence: UInt64) throws(EventLogError) -> SegmentFile? {
        guard let first = firsts.last(where: { $0 <= sequence }) else { return nil }
        return try file(first)
    }

    /// The segment that begins at `first`, opened if it is not.
    func file(_ first: UInt64) throws(EventLogError) -> SegmentFile {
        while true {
            let (known, forgotten) = state.withLock { state in
                if let index = state.order.lastIndex(of: first), index != state.order.endIndex - 1 {
                    state.order.append(state.order.remove(at: index))
                }
                return (state.open[first], state.forgotten)
            }
            if let known { return known }
            let file = try SegmentFile(path: directory.segmentPath(first), first: first)
            if keep(file, unless: forgotten) { return file }
        }
    }

    /// Keeps a file open, unless files were forgotten since it was looked for: then it may have been
    /// opened before another one took its place.
    func keep(_ file: SegmentFile, unless forgotten: Int) -> Bool {
        state.withLock { state in
            guard state.forgotten == forgotten else { return false }
            if state.open.updateValue(file, forKey: file.first) == nil {
                state.order.append(file.first)
            }
            if state.order.count > EventLogLimits.openFilesMax {
                state.open[state.order.removeFirst()] = nil
            }
            return true
        }
    }

    /// Opens a segment anew when it is asked for next: another file stands under its name.
    func forget(_ first: UInt64) {
        state.withLock { state in
            state.forgotten += 1
            state.open[first] = nil
            state.order.removeAll { $0 == first }
        }
    }
}
