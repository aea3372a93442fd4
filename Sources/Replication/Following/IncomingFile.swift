import EventLog
import Glibc
import ReplicationSchema

/// A file that another site sends: written as it comes, and believed when its digest is right.
///
/// Concurrency: used on one thread, which waits.
struct IncomingFile {
    /// Where it is put.
    let path: String
    /// Given up when true.
    let isStopped: @Sendable () -> Bool
    /// Told of octets as they come.
    let received: @Sendable (Int) -> Void

    /// Receives the file that was asked for just now.
    ///
    /// - Parameters:
    ///   - what: For errors.
    ///   - link: It comes over this one.
    /// - Throws: `malformed` when it did not arrive as it was sent; `stopped`; what the link throws.
    func receive(_ what: String, over link: Link) throws(ReplicationError) {
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure() }
        defer { _ = Glibc.close(descriptor) }
        var digest = RunningDigest()
        var octets: UInt64 = 0
        while true {
            guard !isStopped() else { throw ReplicationError(.stopped, "following has ended") }
            switch try link.receive(milliseconds: 1_000) {
            case nil: continue
            case .piece(let piece):
                digest.add(piece)
                octets += UInt64(piece.count)
                received(piece.count)
                try write(piece, to: descriptor)
            case .control(.segmentEnd(let end)):
                guard end.octets == octets, end.digestOctets == digest.finish() else {
                    throw ReplicationError(
                        .malformed, "\(what) did not arrive as it was sent",
                        hint: "It is fetched again.")
                }
                return
            default:
                throw ReplicationError(.malformed, "\(link.peer) did not send \(what)")
            }
        }
    }

    private func write(_ piece: [UInt8], to descriptor: Int32) throws(ReplicationError) {
        var written = 0
        while written < piece.count {
            let count = unsafe piece.withUnsafeBytes { buffer in
                unsafe Glibc.write(
                    descriptor, buffer.baseAddress?.advanced(by: written), piece.count - written)
            }
            guard count > 0 else { throw failure() }
            written += count
        }
    }

    private func failure() -> ReplicationError {
        let reason = unsafe strerror(errno).map { unsafe String(cString: $0) } ?? "error \(errno)"
        return ReplicationError(
            .stopped, "\(path) cannot be written: \(reason)",
            hint: "Free some space for the standby's log; it goes on by itself.")
    }
}
