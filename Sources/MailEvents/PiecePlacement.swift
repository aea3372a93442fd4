package import EventLog
package import MailModel

/// Decides for one append which pieces of its messages' contents are stored with it, and which are in the
/// log already and are only named.
///
/// Concurrency: value; asks ``RecentPieces``, from any thread.
package struct PiecePlacement: Sendable {
    /// A piece of a message.
    package enum Place: Equatable, Sendable {
        /// In the log, by the sequence of its `content_received`.
        case stored(UInt64)
        /// Stored with this append: the number of it among ``added``.
        case added(Int)
    }

    private struct Added {
        var tenant: String
        var digest: [UInt8]
        var octets: [UInt8]
        var isShared: Bool
    }

    private struct Key: Hashable {
        var tenant: String
        var digest: [UInt8]
    }

    private let recent: RecentPieces
    private let time: EventTime
    private var added: [Added] = []
    /// Of shared ones.
    private var numbers: [Key: Int] = [:]
    /// When the oldest piece came that is named; nil when none is.
    package private(set) var since: EventTime?

    /// Begins an append.
    ///
    /// - Parameters:
    ///   - recent: The pieces that may be named.
    ///   - time: Of the append.
    package init(_ recent: RecentPieces, at time: EventTime) {
        self.recent = recent
        self.time = time
    }

    /// Places the next piece.
    ///
    /// - Parameters:
    ///   - octets: What is in it.
    ///   - tenant: Whose message it is of.
    ///   - isShared: Whether other messages may have the same: otherwise it is not looked for.
    ///   - mustStore: Store it even if it is there: an append without content would be taken where new
    ///     mail is refused.
    /// - Returns: Where it is.
    package mutating func place(
        _ octets: [UInt8], of tenant: String, isShared: Bool, mustStore: Bool = false
    ) -> Place {
        var digest = RunningDigest()
        digest.add(octets)
        let sha256 = digest.finish()
        let key = Key(tenant: tenant, digest: sha256)
        if isShared, !mustStore {
            if let number = numbers[key] { return .added(number) }
            if let found = recent.find(sha256, tenant: tenant, at: time) {
                since = since.map { min($0, found.time) } ?? found.time
                return .stored(found.sequence)
            }
        }
        if isShared { numbers[key] = added.count }
        added.append(
            Added(tenant: tenant, digest: sha256, octets: octets, isShared: isShared))
        return .added(added.count - 1)
    }

    /// Whether nothing is to be stored.
    package var isEmpty: Bool { added.isEmpty }

    /// What is appended for the pieces.
    ///
    /// - Parameter index: Of the first of their events in the append.
    /// - Returns: Events and contents, in order.
    package func append(at index: Int) -> (events: [Event], contents: [Content]) {
        let events = added.map {
            Event(
                time: time,
                fact: .contentReceived(
                    ContentReceived(sizeOctets: $0.octets.count, contentSHA256: $0.digest)))
        }
        let contents = added.enumerated().map {
            Content(eventIndex: index + $0.offset, bytes: $0.element.octets)
        }
        return (events, contents)
    }

    /// What a `received` of the same append names.
    ///
    /// - Parameters:
    ///   - places: Of its pieces.
    ///   - index: Of the first piece's event in the append.
    /// - Returns: Their names, for `MessageReceived/contentPieces`.
    package func names(_ places: [Place], at index: Int) -> [UInt64] {
        places.map {
            switch $0 {
            case .stored(let sequence): sequence
            case .added(let number): ContentPiece.inThisAppend(at: index + number)
            }
        }
    }

    /// What is kept until the append is durable.
    ///
    /// - Parameter index: Of the first piece's event in the append.
    /// - Returns: It.
    package func pending(at index: Int) -> PendingPieces {
        PendingPieces(
            time: time, index: index,
            pieces: added.map { $0.isShared ? ($0.tenant, $0.digest) : nil })
    }
}

/// Pieces whose append is under way.
///
/// Concurrency: value.
package struct PendingPieces: Sendable {
    fileprivate var time: EventTime
    fileprivate var index: Int
    /// nil: of a piece that is not to be found.
    fileprivate var pieces: [(tenant: String, digest: [UInt8])?]

    /// The append is durable: others may name the pieces.
    ///
    /// - Parameters:
    ///   - receipt: Of the append.
    ///   - recent: Where they are to be found.
    /// - Returns: The sequences of all of them, in order.
    @discardableResult
    package func durable(_ receipt: AppendReceipt, in recent: RecentPieces) -> [UInt64] {
        let first = receipt.firstSequence + UInt64(index)
        for (number, piece) in pieces.enumerated() {
            guard let piece else { continue }
            recent.add(
                piece.digest, tenant: piece.tenant,
                RecentPieces.Found(sequence: first + UInt64(number), time: time))
        }
        return (0..<UInt64(pieces.count)).map { first + $0 }
    }
}
