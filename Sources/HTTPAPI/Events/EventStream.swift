import Hummingbird
import MailEvents
import MailModel
import NIOCore

/// Writes events to one consumer at the consumer's own pace.
///
/// A piece is read from the disk only when the last one has been taken by the connection, so a
/// slow consumer costs one piece of memory and nothing to anybody else; nothing is kept for it and
/// nothing is left out.
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
    @concurrent
    mutating func run(_ writer: inout any ResponseBodyWriter) async throws {
        var hasCaughtUp = false
        var lastWrite = ContinuousClock.now
        while !services.bell.isClosed {
            let before = cursor
            let (next, piece) = try await services.reading { log in
                var cursor = before
                let piece = try cursor.read(log)
                return (cursor, piece)
            }
            cursor = next
            if !piece.octets.isEmpty {
                try await writer.write(ByteBuffer(bytes: piece.octets))
                lastWrite = .now
            }
            if piece.isComplete { return }
            var mark = JSONWriter()
            if piece.isAtEnd {
                if !hasCaughtUp {
                    next.format.appendCaughtUp(next.seen, services.now(), to: &mark)
                    hasCaughtUp = true
                } else if ContinuousClock.now - lastWrite >= heartbeat {
                    next.format.appendHeartbeat(next.seen, services.now(), to: &mark)
                }
            } else if ContinuousClock.now - lastWrite >= heartbeat {
                next.format.appendHeartbeat(next.seen, services.now(), to: &mark)
            }
            if !mark.bytes.isEmpty {
                try await writer.write(ByteBuffer(bytes: mark.bytes))
                lastWrite = .now
            }
            guard piece.isAtEnd else { continue }
            guard follows else { return }
            let rest = heartbeat - (ContinuousClock.now - lastWrite)
            await services.bell.wait(beyond: next.seen, atMost: max(rest, .milliseconds(10)))
            try Task.checkCancellation()
        }
    }
}
