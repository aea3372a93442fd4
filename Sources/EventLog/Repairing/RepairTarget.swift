internal import Glibc

/// The place of the new log: made under a temporary name, and renamed when it is complete.
///
/// Concurrency: bound to its owner.
final class RepairTarget {
    private let target: LogDirectory
    private let temporary: LogDirectory
    /// Where the new log's segments go.
    let log: LogDirectory
    /// Held as long as this is: two repairs to one place exclude each other.
    private let lock: LogLock

    /// Makes the temporary directory; what an earlier repair left in it is removed.
    init(_ path: String) throws(EventLogError) {
        target = LogDirectory(path)
        temporary = LogDirectory(target.path + ".repairing")
        log = LogDirectory(temporary.path + "/log")
        try Self.check(target.path)
        try temporary.create()
        try log.create()
        lock = try LogLock(log)
        try clear()
    }

    /// Checks that a new data directory may be made there; changes nothing.
    static func check(_ path: String) throws(EventLogError) {
        guard try isFree(path) else {
            throw EventLogError(
                .unsupported, "the new data directory exists and is not empty", file: path,
                hint: "Give the name of a directory that does not exist yet.")
        }
    }

    /// Removes everything that was made, after a failure: it may have filled the disk.
    func discard() {
        try? clear()
        _ = unsafe unlink(log.lockPath)
        _ = unsafe rmdir(log.path)
        _ = unsafe rmdir(temporary.path)
    }

    /// Removes segments; nothing else is ever made there.
    private func clear() throws(EventLogError) {
        for first in try log.list().segments {
            _ = unsafe unlink(log.segmentPath(first))
            _ = unsafe unlink(log.segmentPath(first) + "-lock")
        }
        for first in try log.list().temporaries { log.remove(temporary: first) }
    }

    /// Gives the directory its name, durably.
    func complete(_ end: LogLock.OrderlyEnd?) throws(EventLogError) {
        if let end { lock.note(end) }
        try log.flush()
        try temporary.flush()
        // rename(2) takes the place of an empty directory, and of nothing else.
        guard unsafe Glibc.rename(temporary.path, target.path) == 0 else {
            throw EventLogError.system("renaming", errno: errno, file: temporary.path)
        }
        try target.flushParent()
    }

    /// Whether nothing is there, or an empty directory.
    private static func isFree(_ path: String) throws(EventLogError) -> Bool {
        guard let handle = unsafe opendir(path) else {
            if errno == ENOENT { return true }
            throw EventLogError.system("opening the new data directory", errno: errno, file: path)
        }
        defer { unsafe _ = closedir(handle) }
        while let entry = unsafe readdir(handle) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { return false }
        }
        return true
    }
}
