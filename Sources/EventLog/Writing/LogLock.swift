internal import Glibc

/// The right to write a log: held by one process, given back by its end whatever happens.
///
/// Concurrency: may be shared.
package final class LogLock: Sendable {
    private let descriptor: Int32

    /// Takes the lock of the log in a directory (`DATA/log`): as long as this is held, no server
    /// starts there.
    ///
    /// - Throws: `locked` when a server runs.
    package convenience init(directory: String) throws(EventLogError) {
        try self.init(LogDirectory(directory))
    }

    /// Whether a process has the right to write the log in a directory: whether a server runs.
    package static func isHeld(directory: String) -> Bool {
        let path = LogDirectory(directory).lockPath
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { _ = close(descriptor) }
        // A shared lock, given back at once: two who ask do not see each other.
        return flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }

    /// Takes the lock of a directory.
    init(_ directory: LogDirectory) throws(EventLogError) {
        descriptor = unsafe Glibc.open(directory.lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw EventLogError.system(
                "opening the lock", errno: errno, file: directory.lockPath)
        }
        // Whoever asks whether the lock is held holds it for some microseconds.
        var tries = 0
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let code = errno
            if code == EWOULDBLOCK, tries < EventLogLimits.lockTries {
                tries += 1
                _ = usleep(EventLogLimits.lockPauseMicroseconds)
                continue
            }
            let owner = Self.owner(descriptor)
            _ = close(descriptor)
            throw code == EWOULDBLOCK
                ? EventLogError(
                    .locked, "another writer has the log" + owner, file: directory.lockPath,
                    hint: "Stop the other server first, or use another data directory.")
                : EventLogError.system("locking", errno: code, file: directory.lockPath)
        }
        var text = Array("\(getpid())\n".utf8)
        _ = ftruncate(descriptor, 0)
        _ = unsafe pwrite(descriptor, &text, text.count, 0)
    }

    deinit { _ = close(descriptor) }

    private static func owner(_ descriptor: Int32) -> String {
        var text = [UInt8](repeating: 0, count: 20)
        let count = unsafe pread(descriptor, &text, text.count, 0)
        let digits = text.prefix(max(0, count)).prefix { (48...57).contains($0) }
        return digits.isEmpty ? "" : " (process \(String(decoding: digits, as: UTF8.self)))"
    }
}
