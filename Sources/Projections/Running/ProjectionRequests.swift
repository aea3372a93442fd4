import Glibc

/// What a running server and the commands beside it tell each other, in files of the projections'
/// directory: `status`, written by the server every second; `rebuild-<name>`, an empty file by which
/// a command asks for a rebuild and which the server removes when it begins.
///
/// Files rather than a socket: they work for whoever may read the data directory, need no port and
/// no protocol, and a request made while the server restarts is not lost.
///
/// Concurrency: value.
package struct ProjectionRequests: Sendable {
    private let directory: String

    /// The files of a projections' directory.
    package init(directory: String) { self.directory = directory }

    private var statusPath: String { directory + "/status" }
    private func requestPath(_ name: String) -> String { directory + "/rebuild-" + name }

    /// Asks for a rebuild.
    ///
    /// - Returns: False when the file cannot be made.
    package func askForRebuild(of name: String) -> Bool {
        let descriptor = unsafe open(requestPath(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return false }
        _ = close(descriptor)
        return true
    }

    /// Whether a rebuild was asked for and not begun.
    package func isAskedForRebuild(of name: String) -> Bool {
        unsafe access(requestPath(name), F_OK) == 0
    }

    /// Takes a request; the server then owes the rebuild.
    ///
    /// - Returns: Whether there was one.
    package func takeRebuild(of name: String) -> Bool {
        unsafe unlink(requestPath(name)) == 0
    }

    /// Writes the status whole, under another name first: a reader never sees half of it.
    package func write(_ report: ProjectionReport) {
        let bytes = report.bytes
        let making = statusPath + ".making"
        let descriptor = unsafe open(making, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return }
        let count = unsafe bytes.withUnsafeBytes {
            unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
        }
        _ = close(descriptor)
        if count == bytes.count { _ = unsafe rename(making, statusPath) }
    }

    /// Removes the status: no server speaks any more.
    package func clear() { _ = unsafe unlink(statusPath) }

    /// The status that a server has written last; nil without one.
    package func read() -> ProjectionReport? {
        let descriptor = unsafe open(statusPath, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { _ = close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while bytes.count < Limits.statusOctetsMaximum {
            let count = unsafe Glibc.read(descriptor, &buffer, buffer.count)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        return ProjectionReport(bytes)
    }
}
