package import EventLog
import Glibc

/// The states as of the cut of a pruned log: what takes the place of the events that are gone.
///
/// `<data>/projections/base/<name>-v<version>-<sequence, 16 hexadecimal digits>.mdb` is a projection's
/// file like the one in use. Those of the log's record were read back before anything was removed.
///
/// Concurrency: value; one thread at a time makes and removes, any may copy.
package struct BaseStore: Sendable {
    /// `<data>/projections`.
    let directory: String

    /// The bases of a projections' directory.
    package init(directory: String) { self.directory = directory }

    var bases: String { directory + "/base" }
    /// Where new ones are made.
    var making: String { bases + "/making" }

    /// The file of a projection as of a sequence.
    func path(_ paths: ProjectionPaths, at sequence: UInt64) -> String {
        let digits = String(sequence, radix: 16)
        return "\(bases)/\(paths.name)-v\(paths.version)-"
            + String(repeating: "0", count: 16 - digits.count) + digits + ".mdb"
    }

    /// The base of a projection for the log as it is: of its own version, else of the newest one whose
    /// rows it takes in.
    ///
    /// - Parameters:
    ///   - paths: The projection's.
    ///   - log: The log.
    /// - Returns: Its file; nil for a log that is whole.
    /// - Throws: `ProjectionError` when the log was pruned without one.
    package func path(
        _ paths: ProjectionPaths, of log: LogReader
    ) throws(ProjectionError)
        -> String?
    {
        guard let record = log.pruned else { return nil }
        for version in (paths.oldestReadableVersion...paths.version).reversed() {
            var older = paths
            older.version = version
            let path = path(older, at: record.cut.sequence)
            if record.base(paths.name, version: version) != nil, ProjectionFile.size(path) != nil {
                return path
            }
        }
        throw Self.missing(paths, record, path(paths, at: record.cut.sequence))
    }

    private static func missing(
        _ paths: ProjectionPaths, _ record: PruneRecord, _ path: String
    ) -> ProjectionError {
        let others = record.bases.filter { $0.name == paths.name && $0.version != paths.version }
        let why =
            others.isEmpty
            ? "its state as of there is missing"
            : "its state as of there is of version "
                + others.map { String($0.version) }.joined(separator: ", ")
        let archive =
            record.archive.isEmpty
            ? "They were not archived: restore that file, or a backup of the log"
            : "They are in the archive \(record.archive): see the page on retention"
        return ProjectionError(
            message: "\(paths.name), version \(paths.version), cannot be made from the log: the "
                + "events before \(record.firstSequence) were pruned, and \(why). \(archive)",
            file: path)
    }

    /// Puts the base where a projection's file is to be, when there is none that the log can bring
    /// further: none at all, or one of before the cut.
    ///
    /// - Parameters:
    ///   - target: The file.
    ///   - paths: The projection's.
    ///   - log: The log.
    ///   - always: Whatever stands there.
    /// - Throws: `ProjectionError` when there is no base, or no room.
    func provide(
        _ target: String, _ paths: ProjectionPaths, of log: LogReader, always: Bool = false
    ) throws(ProjectionError) {
        guard let record = log.pruned else { return }
        if !always, let size = ProjectionFile.size(target), size > 0 {
            // What cannot be read is for whoever reads it to put aside.
            guard let mark = try? ProjectionFile.mark(target) else { return }
            guard mark.logID == record.logID, mark.position.sequence < record.cut.sequence else {
                return
            }
        }
        guard let base = try path(paths, of: log) else { return }
        try Self.copy(base, to: target)
    }

    /// Copies a file under another name first.
    static func copy(_ source: String, to target: String) throws(ProjectionError) {
        let making = target + ".making"
        do throws(ProjectionError) {
            try SnapshotStore.copy(source, to: making)
        } catch {
            _ = unsafe unlink(making)
            throw error
        }
        _ = unsafe unlink(target + "-lock")
        guard unsafe rename(making, target) == 0 else {
            throw ProjectionError(message: "no copy (errno \(errno))", file: target)
        }
    }

    /// Removes what a pruning that did not come to its end has left, the bases of earlier cuts, and
    /// snapshots of states before the cut, from which nothing can be replayed any more.
    ///
    /// - Parameters:
    ///   - record: Of the log; nil for a log that is whole.
    ///   - registry: The projections.
    package func tidy(_ record: PruneRecord?, registry: ProjectionRegistry) {
        for name in Self.names(making) { _ = unsafe unlink(making + "/" + name) }
        _ = unsafe rmdir(making)
        var kept: Set<String> = []
        if let record {
            for base in record.bases {
                let paths = ProjectionPaths(
                    directory: directory, name: base.name, version: base.version)
                kept.insert(path(paths, at: record.cut.sequence))
            }
        }
        for name in Self.names(bases) where !kept.contains(bases + "/" + name) {
            _ = unsafe unlink(bases + "/" + name)
        }
        guard let record else {
            _ = unsafe rmdir(bases)
            return
        }
        for definition in registry.all {
            SnapshotStore(paths: definition.paths(in: directory)).removeAll(
                through: record.cut.sequence)
        }
    }

    /// Names in a directory.
    static func names(_ directory: String) -> [String] {
        guard let handle = unsafe opendir(directory) else { return [] }
        defer { unsafe _ = closedir(handle) }
        var names: [String] = []
        while let entry = unsafe readdir(handle) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Makes the directories, durably.
    func createDirectories() throws(ProjectionError) {
        for path in [directory, bases, making] {
            guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else {
                throw ProjectionError(message: "cannot be made (errno \(errno))", file: path)
            }
        }
        // Nothing else has what they will hold: their own entries too must be there.
        try Self.flush(directory)
        try Self.flush(directory + "/..")
    }

    /// Makes a directory's entries durable.
    static func flush(_ directory: String) throws(ProjectionError) {
        let descriptor = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ProjectionError(message: "cannot be opened (errno \(errno))", file: directory)
        }
        defer { _ = close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw ProjectionError(message: "cannot be flushed (errno \(errno))", file: directory)
        }
    }
}
