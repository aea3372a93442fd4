internal import Glibc

/// A file that is written from its beginning.
///
/// Concurrency: bound to its owner.
struct OutputFile: ~Copyable {
    private let path: String
    private let descriptor: Int32

    /// Makes it, in place of what was there.
    init(_ path: String) throws(ArchiveError) {
        self.path = path
        descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure("making", path) }
    }

    deinit { _ = close(descriptor) }

    /// Adds octets.
    func write(_ bytes: [UInt8]) throws(ArchiveError) {
        var from = 0
        while from < bytes.count {
            let wrote = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(
                    descriptor, buffer.baseAddress.map { unsafe $0 + from }, buffer.count - from)
            }
            if wrote < 0, errno == EINTR { continue }
            guard wrote > 0 else { throw Self.failure("writing", path) }
            from += wrote
        }
    }

    /// Makes it durable.
    func flush() throws(ArchiveError) {
        guard fsync(descriptor) == 0 else { throw Self.failure("flushing", path) }
    }

    static func failure(_ what: String, _ path: String) -> ArchiveError {
        let words = unsafe String(cString: strerror(errno))
        return ArchiveError(.inaccessible, "\(what): \(words)", object: path)
    }
}
