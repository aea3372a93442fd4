internal import Glibc

/// The right to write a log: held by one process, given back by its end whatever happens.
///
/// Concurrency: may be shared.
package final class LogLock: Sendable {
    /// Where a writer ended in order: everything up to there was flushed, whatever the file looks
    /// like now.
    struct OrderlyEnd: Hashable, Sendable {
        /// First sequence of the segment that was written.
        var segment: UInt64
        /// The last commit.
        var transaction: UInt64
    }

    private let descriptor: Int32
    /// Of the last writer, if it ended in order.
    let orderlyEnd: OrderlyEnd?

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
        orderlyEnd = Self.orderlyEnd(descriptor)
        Self.write(orderlyEnd, descriptor)
    }

    /// Notes that the writer ends with everything flushed. Not flushed itself: without it, the next
    /// start only looks more closely.
    func note(_ end: OrderlyEnd) { Self.write(end, descriptor) }

    /// Forgets where the last writer ended, durably: the segment that it names is written anew, and a
    /// commit of the new file may come to have the same number.
    ///
    /// - Throws: `writeFailed`: the line may still stand there.
    func forgetEnd() throws(EventLogError) {
        Self.write(nil, descriptor)
        guard fdatasync(descriptor) == 0 else {
            throw EventLogError(
                .writeFailed, "the lock could not be flushed (errno \(errno))",
                hint: "Nothing was changed. Check the disk, then try again.")
        }
    }

    /// Where the last writer of the log in a directory ended, if it did in order.
    static func orderlyEnd(directory: String) -> OrderlyEnd? {
        let path = LogDirectory(directory).lockPath
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { _ = close(descriptor) }
        return orderlyEnd(descriptor)
    }

    /// The process, and on the second line where the last writer ended in order. That line stays
    /// until the next one: it names a transaction, so it says nothing about a later commit.
    private static func write(_ end: OrderlyEnd?, _ descriptor: Int32) {
        var text = Array("\(getpid())\n".utf8)
        if let end { text += "\(endWord) \(end.segment) \(end.transaction)\n".utf8 }
        _ = ftruncate(descriptor, 0)
        _ = unsafe pwrite(descriptor, &text, text.count, 0)
    }

    private static func orderlyEnd(_ descriptor: Int32) -> OrderlyEnd? {
        let lines = text(descriptor).split(separator: "\n")
        let words = lines.count > 1 ? lines[1].split(separator: " ") : []
        guard words.count == 3, words[0] == endWord, let segment = UInt64(words[1]),
            let transaction = UInt64(words[2])
        else { return nil }
        return OrderlyEnd(segment: segment, transaction: transaction)
    }

    private static func text(_ descriptor: Int32) -> String {
        var text = [UInt8](repeating: 0, count: 80)
        let count = unsafe pread(descriptor, &text, text.count, 0)
        return String(decoding: text.prefix(max(0, count)), as: UTF8.self)
    }

    private static let endWord = "ended"

    deinit { _ = close(descriptor) }

    private static func owner(_ descriptor: Int32) -> String {
        let digits = text(descriptor).prefix { $0.isNumber }
        return digits.isEmpty ? "" : " (process \(digits))"
    }
}
