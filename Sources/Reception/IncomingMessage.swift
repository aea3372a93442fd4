import EventLog
import MailEvents
import MailModel
import MessageFormat
import SMTPProtocol

/// A large message while it comes in: what is in the log of it already, piece by piece.
///
/// Concurrency: bound to its session's event loop.
final class IncomingMessage {
    /// What its header says, which is all in the first piece.
    let scan: HeaderScan
    /// When the first piece was complete.
    let since: EventTime
    /// The pieces that are durable, in order.
    private(set) var pieces: [UInt64] = []
    /// Octets of the content so far, as stored.
    private(set) var sizeOctets = 0
    /// Of the content so far, as stored.
    private var digest: RunningDigest?

    /// Begins with the first piece, as it came.
    ///
    /// - Parameters:
    ///   - first: At least as long as a header may be.
    ///   - rules: What is looked for in the header.
    ///   - time: The time.
    init(_ first: [UInt8], rules: HeaderScanRules, at time: EventTime) {
        scan = HeaderScan(first, rules: rules)
        since = time
        digest = RunningDigest()
    }

    /// A piece as it is to be stored; the first one loses the fields that are not sent.
    func stored(_ piece: [UInt8]) -> [UInt8] {
        sizeOctets == 0 ? scan.stored(piece) : piece
    }

    /// What is appended for a piece. It is counted as stored from here on.
    ///
    /// - Parameters:
    ///   - stored: See ``stored(_:)``.
    ///   - time: The time.
    /// - Returns: The event that it is the content of.
    func event(_ stored: [UInt8], at time: EventTime) -> Event {
        sizeOctets += stored.count
        digest?.add(stored)
        return ContentPiece.event(stored, at: time)
    }

    /// A piece is durable.
    func took(_ sequence: UInt64) { pieces.append(sequence) }

    /// Whether the message was complete soon enough for its pieces to be there still.
    func isInTime(_ time: EventTime) -> Bool {
        ContentPiece.isInTime(since: since, at: time)
    }

    /// The whole content's size and SHA-256; called once.
    ///
    /// - Parameter rest: What came after the pieces.
    /// - Returns: Both.
    func finish(_ rest: [UInt8]) -> (octets: Int, sha256: [UInt8]) {
        guard var digest = digest.take() else { preconditionFailure("a message ends once") }
        digest.add(rest)
        return (sizeOctets + rest.count, digest.finish())
    }
}
