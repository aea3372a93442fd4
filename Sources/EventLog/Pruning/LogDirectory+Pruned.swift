internal import Glibc

extension LogDirectory {
    /// The record of what was pruned.
    var prunedPath: String { path + "/pruned" }

    /// What was pruned; nil for a log that is whole.
    ///
    /// Read after the directory was listed: whoever lists a log while it is pruned then sees the old
    /// list with either record, or the new list with the new record.
    ///
    /// - Throws: `damaged` when the record cannot be believed, `unsupported` when a newer version of
    ///   Waybill wrote it.
    func pruned() throws(EventLogError) -> PruneRecord? {
        guard let bytes = try Self.bytes(of: prunedPath, most: EventLogLimits.prunedOctetsMax)
        else { return nil }
        guard let record = PruneRecord(bytes: bytes) else {
            if let version = PruneRecord.unknownVersion(in: bytes) {
                throw EventLogError.newer(
                    "the record of what was pruned has version \(version), this program reads 1",
                    file: prunedPath)
            }
            throw EventLogError(
                .damaged, "the record of what was pruned is damaged", file: prunedPath,
                hint: "Restore this file from a backup; without it nothing tells where the log "
                    + "begins.")
        }
        return record
    }

    /// Puts a record in the place of the one before, durably.
    func write(_ record: PruneRecord) throws(EventLogError) {
        let making = prunedPath + ".new"
        try Self.write(record.bytes, to: making)
        guard unsafe Glibc.rename(making, prunedPath) == 0 else {
            throw EventLogError.system("renaming", errno: errno, file: making)
        }
        try flush()
    }

    /// Removes a segment that the record says to be gone. Its file goes with the last reader's
    /// descriptor.
    func remove(pruned first: UInt64) throws(EventLogError) {
        let path = segmentPath(first)
        _ = unsafe unlink(path + "-lock")
        remove(compacting: first)
        guard unsafe unlink(path) == 0 || errno == ENOENT else {
            throw EventLogError.system("removing", errno: errno, file: path)
        }
    }

    /// Removes what pruning left behind: segments before the first kept one, and a record that was
    /// not finished.
    ///
    /// - Returns: First sequences of the segments removed.
    @discardableResult
    func finishPruning() throws(EventLogError) -> [UInt64] {
        _ = unsafe unlink(prunedPath + ".new")
        let firsts = try list().segments
        guard let record = try pruned() else { return [] }
        let gone = firsts.filter { $0 < record.firstSequence }
        guard !gone.isEmpty else { return [] }
        for first in gone { try remove(pruned: first) }
        try flush()
        return gone
    }

    /// Writes a file whole and makes its bytes durable; nothing is left of it when that fails.
    static func write(_ bytes: [UInt8], to path: String) throws(EventLogError) {
        let descriptor = unsafe Glibc.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw EventLogError.system("making", errno: errno, file: path)
        }
        defer { _ = close(descriptor) }
        let count = unsafe bytes.withUnsafeBytes {
            unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
        }
        guard count == bytes.count, fsync(descriptor) == 0 else {
            let code = errno
            _ = unsafe unlink(path)
            throw EventLogError.system("writing", errno: code, file: path)
        }
    }

    /// A small file's octets; nil when there is none.
    private static func bytes(of path: String, most: Int) throws(EventLogError) -> [UInt8]? {
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            guard errno == ENOENT else {
                throw EventLogError.system("opening", errno: errno, file: path)
            }
            return nil
        }
        defer { _ = close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: most)
        let count = unsafe pread(descriptor, &bytes, bytes.count, 0)
        guard count >= 0 else {
            throw EventLogError.system("reading", errno: errno, file: path)
        }
        return Array(bytes[..<count])
    }
}
