package import EventLog
import MailEvents
import MailModel
package import MailProjections
import Projections

/// Knows the index of messages: the composition root's view of the live one, or a double in tests.
package protocol MessageIndexSource: Sendable {
    /// The index with everything that is durable now.
    ///
    /// - Throws: `HistoryIndex.Unavailable` while it is being made, `EventLogError`.
    func index(of log: LogReader) throws -> HistoryIndex
}

/// No index: where no server runs, commands open its file themselves.
///
/// Concurrency: no state.
struct NoMessageIndex: MessageIndexSource {
    func index(of log: LogReader) throws -> HistoryIndex {
        throw HistoryIndex.Unavailable(description: "no server runs")
    }
}

extension APIServices {
    /// Everything that happened to a message: by the index; while that is being made or its file is
    /// damaged, by reading on from its first event. nil when there is no such message. Whoever calls
    /// has looked whether the caller may see it.
    ///
    /// What came after `point` is not seen; a message of later is not there.
    func trace(of id: MessageID, at point: LogPoint? = nil) async throws -> MessageTrace? {
        let source = messages
        let now = now()
        return try await reading { log in
            let through = try point.map { try log.sequence(of: $0, now: now) } ?? .max
            let index: HistoryIndex
            do {
                index = try source.index(of: log)
            } catch let absence as HistoryIndex.Unavailable {
                do {
                    return try MessageTrace.read(id, from: log)?.cut(through)
                } catch is BatchDecodingError where absence.stoppedAt != nil {
                    throw absence
                }
            }
            var search = MessageSearch(log: log, index: index)
            do {
                return try search.trace(id, through: through)
            } catch let error as ProjectionError where error.isDamage {
                return try MessageTrace.read(id, from: log)?.cut(through)
            }
        }
    }
}
