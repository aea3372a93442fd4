package import EventLog
package import MailModel

/// Storing the content of a message that is in memory already, piece by piece.
extension ContentPiece {
    /// What is appended with the `received` of a message whose first pieces are in the log.
    package struct Stored: Sendable {
        /// Those in the log, in order; empty: the content is not large, and is stored as a whole.
        package var pieces: [UInt64] = []
        /// What is left, at most ``ContentPiece/octets`` of it, and never nothing of a large content.
        package var rest: [UInt8]
        /// When the first piece was complete; nil where there is none.
        package var since: EventTime?

        /// Whether the pieces are there for long enough still.
        ///
        /// - Parameter time: At which the message is appended.
        /// - Returns: False when the client must send it again.
        package func isInTime(_ time: EventTime) -> Bool {
            since.map { ContentPiece.isInTime(since: $0, at: time) } ?? true
        }

        /// Creates what goes with a `received`.
        package init(pieces: [UInt64] = [], rest: [UInt8]) {
            self.pieces = pieces
            self.rest = rest
        }

        /// The append of one message, with its content or what is left of it. The last piece comes
        /// behind the other events, so that the message has the id of the append's first.
        ///
        /// - Parameters:
        ///   - events: `received` and what belongs to it.
        ///   - time: Of the piece.
        /// - Returns: What to append.
        package func completed(
            _ events: [Event], at time: EventTime
        ) -> (events: [Event], content: Content) {
            guard !pieces.isEmpty, case .received(var received)? = events.first?.fact else {
                return (events, Content(eventIndex: 0, bytes: rest))
            }
            var events = events
            received.contentPieces = pieces + [ContentPiece.inThisAppend(at: events.count)]
            events[0].fact = .received(received)
            events.append(ContentPiece.event(rest, at: time))
            return (events, Content(eventIndex: events.count - 1, bytes: rest))
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

    /// Stores the first pieces of a large content, one after the other, each once the one before is
    /// durable: others are written in between.
    ///
    /// - Parameters:
    ///   - content: Of a message, in whole.
    ///   - now: The time.
    ///   - append: Appends, and waits until it is durable.
    /// - Returns: What goes with the `received`.
    /// - Throws: What `append` does; then some pieces may be in the log, and belong to nobody.
    package static func storeAhead<Failure: Error>(
        _ content: [UInt8], now: () -> EventTime,
        _ append: ([Event], [Content]) async throws(Failure) -> AppendReceipt
    ) async throws(Failure) -> Stored {
        var stored = Stored(rest: content)
        var start = 0
        while content.count - start > octets {
            let piece = Array(content[start..<start + octets])
            let time = now()
            let receipt = try await append(
                [event(piece, at: time)], [Content(eventIndex: 0, bytes: piece)])
            stored.since = stored.since ?? time
            stored.pieces.append(receipt.firstSequence)
            start += octets
        }
        if start > 0 { stored.rest = Array(content[start...]) }
        return stored
    }
}
