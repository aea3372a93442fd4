import Glibc

/// Whole copies of a projection's file, each as of the sequence in its name.
///
/// A copy is a projection's file like the live one, with all its checksums, and is believed as
/// little: whoever finds one damaged passes it over.
///
/// Concurrency: value; one thread at a time takes and thins, any may list.
package struct SnapshotStore: Sendable {
    private let paths: ProjectionPaths

    /// The snapshots of a projection.
    package init(paths: ProjectionPaths) { self.paths = paths }

    /// The file of a sequence.
    func path(_ sequence: UInt64) -> String {
        let digits = String(sequence, radix: 16)
        return paths.snapshots + "/" + String(repeating: "0", count: 16 - digits.count) + digits
            + ".mdb"
    }

    /// The sequences of all snapshots, ascending.
    package func sequences() -> [UInt64] {
        guard let handle = unsafe opendir(paths.snapshots) else { return [] }
        defer { unsafe _ = closedir(handle) }
        var found: [UInt64] = []
        while let entry = unsafe readdir(handle) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard name.utf8.count == 20, name.hasSuffix(".mdb"),
                let sequence = UInt64(name.prefix(16), radix: 16)
            else { continue }
            found.append(sequence)
        }
        return found.sorted()
    }

    /// Copies the live file, which holds a checkpoint as of `sequence` and is not written
    /// meanwhile, then removes what is too many.
    ///
    /// - Throws: `ProjectionError` when there is no room; nothing is left behind then.
    func take(
        from source: String, at sequence: UInt64, policy: SnapshotPolicy
    )
        throws(ProjectionError)
    {
        _ = unsafe mkdir(paths.directory + "/snapshots", 0o700)
        _ = unsafe mkdir(paths.snapshots, 0o700)
        let path = path(sequence)
        let making = path + ".making"
        do {
            try Self.copy(source, to: making)
        } catch {
            _ = unsafe unlink(making)
            throw error
        }
        guard unsafe rename(making, path) == 0 else {
            throw ProjectionError(message: "no snapshot (errno \(errno))", file: path)
        }
        for sequence in policy.surplus(of: sequences()) { _ = unsafe unlink(self.path(sequence)) }
    }

    /// Removes all through a sequence: the states they hold are in doubt, or of no use.
    func removeAll(through last: UInt64 = .max) {
        for sequence in sequences() where sequence <= last { _ = unsafe unlink(path(sequence)) }
    }

    /// Removes all behind a sequence: the events are not in the log any more.
    func removeAll(after last: UInt64) {
        for sequence in sequences() where sequence > last { _ = unsafe unlink(path(sequence)) }
    }

    static func copy(_ source: String, to target: String) throws(ProjectionError) {
        let from = unsafe open(source, O_RDONLY | O_CLOEXEC)
        guard from >= 0 else {
            throw ProjectionError(message: "cannot be opened (errno \(errno))", file: source)
        }
        defer { _ = close(from) }
        let to = unsafe open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard to >= 0 else {
            throw ProjectionError(message: "cannot be made (errno \(errno))", file: target)
        }
        defer { _ = close(to) }
        var buffer = [UInt8](repeating: 0, count: Limits.copyOctets)
        while true {
            let count = unsafe read(from, &buffer, buffer.count)
            if count == 0 { break }
            var done = 0
            while count > 0, done < count {
                let written = unsafe buffer.withUnsafeBytes {
                    unsafe write(to, $0.baseAddress?.advanced(by: done), count - done)
                }
                guard written > 0 else { break }
                done += written
            }
            guard count > 0, done == count else {
                throw ProjectionError(message: "copying failed (errno \(errno))", file: target)
            }
        }
        guard fsync(to) == 0 else {
            throw ProjectionError(message: "syncing failed (errno \(errno))", file: target)
        }
    }
}
