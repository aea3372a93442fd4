package import EventLog
package import MailModel

/// Storing the content of a message that is in memory already, piece by piece.
extension ContentPiece {
    /// What is appended with the `received` of a message whose first pieces are in the log.
    package struct Stored: Sendable {
        /// Those in the log, in order.
        package var pieces: [UInt64] = []
        /// The last piece.
        package var rest: [UInt8]
        /// When the oldest piece came; nil where there is none.
        package var since: EventTime?

        /// Creates what goes with a `received`.
        package init(pieces: [UInt64] = [], rest: [UInt8]) {
            self.pieces = pieces
            self.rest = rest
        }

        /// Whether the pieces are there for long enough still.
        ///
        /// - Parameter time: At which the message is appended.
        /// - Returns: False when the client must send it again.
        package func isInTime(_ time: EventTime) -> Bool {
            since.map { ContentPiece.isInTime(since: $0, at: time) } ?? true
        }

        /// The append of one message, with the last piece of its content. That comes behind the other
        /// events, so that the message has the id of the append's first.
        ///
        /// - Parameters:
        ///   - events: `received` and what belongs to it.
        ///   - time: Of the piece.
        /// - Returns: What to append.
        package func completed(
            _ events: [Event], at time: EventTime
        ) -> (events: [Event], contents: [Content]) {
            var events = events
            if case .received(var received)? = events.first?.fact {
                received.contentPieces = pieces + [ContentPiece.inThisAppend(at: events.count)]
                events[0].fact = .received(received)
            }
            events.append(ContentPiece.event(rest, at: time))
            return (events, [Content(eventIndex: events.count - 1, bytes: rest)])
        }
    }

    /// The event that a piece is stored with.
    ///
    /// - Parameters:
    ///   - bytes: The piece.
    ///   - time: When it was complete.
    /// - Returns: It.
    package static func event(_ bytes: [UInt8], at time: EventTime) -> Event {
        var digest = RunningDigest()
        digest.add(bytes)
        return Event(
            time: time,
            fact: .contentReceived(
                ContentReceived(sizeOctets: bytes.count, contentSHA256: digest.finish())))
    }

    /// Stores all pieces of a large content but the last, each append once the one before is durable:
    /// others are written in between.
    ///
    /// - Parameters:
    ///   - pieces: Of a message, in order: octets, and whether other messages may have the same.
    ///   - recent: Where pieces are found that need not be stored.
    ///   - tenant: Whose message it is.
    ///   - now: The time.
    ///   - append: Appends, and waits until it is durable.
    /// - Returns: What goes with the `received`.
    /// - Throws: What `append` does; then some pieces may be in the log, and belong to nobody.
    package static func storeAhead<Failure: Error>(
        _ pieces: some Sequence<(octets: [UInt8], isShared: Bool)>, recent: RecentPieces,
        tenant: String,
        now: () -> EventTime,
        _ append: ([Event], [Content]) async throws(Failure) -> AppendReceipt
    ) async throws(Failure) -> Stored {
        var stored = Stored(rest: [])
        var previous: (octets: [UInt8], isShared: Bool)?
        for next in pieces {
            defer { previous = next }
            guard let piece = previous else { continue }
            let time = now()
            var placement = PiecePlacement(recent, at: time)
            let place = placement.place(
                piece.octets, of: tenant, isShared: piece.isShared)
            let came = placement.since ?? time
            stored.since = stored.since.map { min($0, came) } ?? came
            switch place {
            case .stored(let sequence): stored.pieces.append(sequence)
            case .added:
                let (events, contents) = placement.append(at: 0)
                let receipt = try await append(events, contents)
                stored.pieces += placement.pending(at: 0).durable(receipt, in: recent)
            }
        }
        stored.rest = previous?.octets ?? []
        return stored
    }
}
