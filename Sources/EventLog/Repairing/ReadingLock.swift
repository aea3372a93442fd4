internal import Glibc

/// Keeps a server from starting on a log while it is read, without writing a byte.
///
/// Concurrency: bound to its owner.
final class ReadingLock: Sendable {
    private let descriptor: Int32

    /// Takes it; a log without the lock's file has never had a writer, and needs none.
    ///
    /// - Throws: `locked` when a server runs.
    init(_ directory: LogDirectory) throws(EventLogError) {
        descriptor = unsafe Glibc.open(directory.lockPath, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        guard flock(descriptor, LOCK_SH | LOCK_NB) != 0, errno == EWOULDBLOCK else { return }
        throw EventLogError(
            .locked, "a server runs on this log", file: directory.lockPath,
            hint: "Stop it first: it holds what it has just written in memory, and goes on writing."
        )
    }

    /// Gives it back; before that it is held, however early an optimiser would let it go.
    func release() { withExtendedLifetime(self) {} }

    deinit { if descriptor >= 0 { _ = close(descriptor) } }
}
