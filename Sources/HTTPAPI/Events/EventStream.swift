import Hummingbird
import MailEvents
import MailModel
import NIOCore

/// Writes events to one consumer at the consumer's own pace.
///
/// While a piece is being taken by the connection the next one is read, and no further one until
/// then: a slow consumer costs two pieces of memory and nothing to anybody else; nothing is kept for
/// it and nothing is left out.
///
/// Concurrency: used by one task.
struct EventStream {
    var services: APIServices
    var cursor: EventCursor
    /// Goes on with what comes when the log's end is reached.
    var follows: Bool
    /// Seconds between heartbeats.
    var heartbeat = Duration.seconds(APILimits.heartbeatSeconds)

    /// Runs until the consumer goes, the server stops, or everything asked for is written.
    ///
    /// - Parameter writer: Where to.
    /// - Throws: What keeps it from writing. Also that the server stops, unless the consumer follows:
    ///   what it has then is a part that must not look like the whole.
    @concurrent
    mutating func run(_ writer: inout any ResponseBodyWriter) async throws {
        var hasCaughtUp = false
        var lastWrite = ContinuousClock.now
        let services = services
        var (reached, piece) = try await Self.read(cursor, services)
        while !services.bell.isClosed {
            cursor = reached
            let next = piece.isAtEnd || piece.isComplete ? nil : reached
            async let ahead = Self.readAhead(next, services)
            if !piece.octets.isEmpty {
                try await writer.write(ByteBuffer(bytes: piece.octets))
                lastWrite = .now
            }
            if piece.isComplete { return }
            var mark = JSONWriter()
            if piece.isAtEnd, !hasCaughtUp {
                cursor.format.appendCaughtUp(cursor.seen, services.now(), to: &mark)
                hasCaughtUp = true
            } else if ContinuousClock.now - lastWrite >= heartbeat {
                cursor.format.appendHeartbeat(cursor.seen, services.now(), to: &mark)
            }
            if !mark.bytes.isEmpty {
                try await writer.write(ByteBuffer(bytes: mark.bytes))
                lastWrite = .now
            }
            if let read = try await ahead {
                (reached, piece) = read
                continue
            }
            guard follows else { return }
            let rest = heartbeat - (ContinuousClock.now - lastWrite)
            await services.bell.wait(beyond: cursor.seen, atMost: max(rest, .milliseconds(10)))
            try Task.checkCancellation()
            (reached, piece) = try await Self.read(cursor, services)
        }
        guard follows else { throw Problem(.notReady, "The server is stopping; try again.") }
    }

    /// Reads a piece on a thread of its own kind.
    private static func read(
        _ cursor: EventCursor, _ services: APIServices
    ) async throws -> (EventCursor, EventCursor.Piece) {
        try await services.reading { log in
            var cursor = cursor
            let piece = try cursor.read(log)
            return (cursor, piece)
        }
    }

    /// Reads the piece after the one that is being written; nil when there is none yet.
    @concurrent
    private static func readAhead(
        _ cursor: EventCursor?, _ services: APIServices
    ) async throws -> (EventCursor, EventCursor.Piece)? {
        guard let cursor else { return nil }
        return try await read(cursor, services)
    }
}
