import EventLog
import MailEvents
import MailModel
import MessageFormat
import SMTPProtocol

/// A large message while it comes in: what is in the log of it already, piece by piece.
///
/// Concurrency: bound to its session's event loop.
final class IncomingMessage {
    /// What its header says, which is all in what came first.
    let scan: HeaderScan
    /// Whose it is.
    let tenant: String
    /// When its oldest piece came, which another message may have brought.
    private(set) var since: EventTime
    /// The pieces that are durable, in order.
    private(set) var pieces: [UInt64] = []
    /// Octets of the content so far, as stored.
    private(set) var sizeOctets = 0
    /// Of the content so far, as stored.
    private var digest: RunningDigest?
    private var cutter = PartCutter.pieces
    /// What the log was given: the places of its pieces, and of others between them.
    private var underWay: (places: [PiecePlacement.Place], pieces: PendingPieces)?

    /// Begins with what came first.
    ///
    /// - Parameters:
    ///   - scan: Of what came first, which is at least as long as a header may be.
    ///   - tenant: Whose it is.
    ///   - time: The time.
    init(_ scan: HeaderScan, tenant: String, at time: EventTime) {
        self.scan = scan
        self.tenant = tenant
        since = time
        digest = RunningDigest()
    }

    /// Takes more of the content.
    ///
    /// - Parameters:
    ///   - octets: As they came; the first ones lose the fields that are not sent.
    ///   - recent: Pieces that need not be stored.
    ///   - time: The time.
    /// - Returns: What is to be appended before more is taken; nil: nothing.
    func take(
        _ octets: [UInt8], recent: RecentPieces, at time: EventTime
    ) -> (events: [Event], contents: [Content])? {
        let stored = sizeOctets == 0 ? scan.stored(octets) : octets
        sizeOctets += stored.count
        digest?.add(stored)
        var placement = PiecePlacement(recent, at: time)
        let places = cutter.add(stored).map {
            placement.place($0.octets, of: tenant, isShared: $0.isBody)
        }
        since = placement.since.map { min($0, since) } ?? since
        let pending = placement.pending(at: 0)
        guard !placement.isEmpty else {
            take(places, stored: [])
            return nil
        }
        underWay = (places, pending)
        return placement.append(at: 0)
    }

    /// What was to be appended is durable.
    func took(_ receipt: AppendReceipt, recent: RecentPieces) {
        guard let (places, pending) = underWay else { return }
        underWay = nil
        take(places, stored: pending.durable(receipt, in: recent))
    }

    private func take(_ places: [PiecePlacement.Place], stored: [UInt64]) {
        pieces += places.map {
            switch $0 {
            case .stored(let sequence): sequence
            case .added(let number): stored[number]
            }
        }
    }

    /// Octets that were taken and are in no piece yet.
    var pendingOctets: Int { cutter.pendingOctets }

    /// Whether the message was complete soon enough for its pieces to be there still.
    func isInTime(_ time: EventTime) -> Bool {
        ContentPiece.isInTime(since: since, at: time)
    }

    /// The whole content's size and SHA-256, and what is not in a piece yet; called once.
    ///
    /// - Parameter rest: What came last.
    /// - Returns: These.
    func finish(_ rest: [UInt8]) -> (octets: Int, sha256: [UInt8], runs: [PartCutter.Run]) {
        guard var digest = digest.take() else { preconditionFailure("a message ends once") }
        digest.add(rest)
        let runs = cutter.add(rest) + cutter.finish()
        return (sizeOctets + rest.count, digest.finish(), runs)
    }
}

extension PartCutter {
    /// Cuts contents into pieces.
    static var pieces: PartCutter {
        PartCutter(runOctets: ContentPiece.octets, bodyOctets: ContentPiece.sharedOctets)
    }
}
