import Glibc
import Synchronization

extension ProjectionFile {
    /// Directories in which this process has files open for writing, or had: device and inode.
    ///
    /// LMDB must not open a file twice in one process: the second opening takes the file's lock for
    /// free, since locks are a process's, and begins the table of transactions anew beside the first;
    /// closing it gives up the first one's lock.
    private static let written = Mutex<Set<Directory>>([])

    private struct Directory: Hashable, Sendable {
        var device: UInt64
        var inode: UInt64

        /// Of a file; nil when it cannot be told.
        init?(of path: String) {
            let end = path.lastIndex(of: "/").map { path[..<$0] } ?? "."
            var status = stat()
            guard unsafe stat(end.isEmpty ? "/" : String(end), &status) == 0 else { return nil }
            device = UInt64(status.st_dev)
            inode = UInt64(status.st_ino)
        }
    }

    /// This process writes the file from now on.
    static func noteWriting(_ path: String) {
        guard let directory = Directory(of: path) else { return }
        written.withLock { _ = $0.insert(directory) }
    }

    /// Whether this process may have the file open for writing.
    static func isWritten(_ path: String) -> Bool {
        guard let directory = Directory(of: path) else { return true }
        return written.withLock { $0.contains(directory) }
    }
}
