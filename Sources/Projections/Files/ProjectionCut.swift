import EventLog
import Glibc

/// Takes the files of projections back to where a log ends now, after events at its end were cut off: a
/// state that has such an event in it is of another history.
///
/// Without it nothing wrong is served: whoever loads such a file finds it ahead of the log, puts it aside
/// as damaged, and replays the whole log. This begins with the newest state that was kept instead.
///
/// Concurrency: value; blocks. Nobody may have the files open.
package struct ProjectionCut: Sendable {
    /// What became of a projection's file.
    ///
    /// Concurrency: value.
    package struct Outcome: Hashable, Sendable {
        package var name: String
        /// The last event of the state that the file holds now; nil: it is gone, and all of the log is
        /// replayed.
        package var sequence: UInt64?
    }

    /// `<data>/projections`.
    private let directory: String

    /// Takes back the projections below a directory.
    package init(directory: String) { self.directory = directory }

    /// Takes back what has events behind one.
    ///
    /// - Parameters:
    ///   - registry: The projections.
    ///   - last: The log's last event now.
    /// - Returns: What became of the files that were changed, in the registry's order.
    package func run(_ registry: ProjectionRegistry, after last: UInt64) -> [Outcome] {
        registry.all.compactMap { definition in
            let paths = definition.paths(in: directory)
            let snapshots = SnapshotStore(paths: paths)
            snapshots.removeAll(after: last)
            paths.dropNext()
            // What cannot be read is dealt with by whoever loads it.
            guard let mark = try? ProjectionFile.mark(paths.live), mark.position.sequence > last
            else { return nil }
            return Outcome(
                name: definition.name, sequence: replace(paths, with: snapshots))
        }
    }

    /// Puts the newest snapshot that can be read in the place of the live file, or nothing.
    private func replace(_ paths: ProjectionPaths, with snapshots: SnapshotStore) -> UInt64? {
        defer { _ = unsafe unlink(paths.live + "-lock") }
        for sequence in snapshots.sequences().reversed() {
            let path = snapshots.path(sequence)
            guard let mark = try? ProjectionFile.mark(path), mark.position.sequence == sequence,
                (try? SnapshotStore.copy(path, to: paths.next)) != nil
            else { continue }
            guard unsafe rename(paths.next, paths.live) == 0 else { break }
            return sequence
        }
        paths.dropNext()
        _ = unsafe unlink(paths.live)
        return nil
    }
}
