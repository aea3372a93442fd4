package import EventLog
package import MailModel
package import Projections

extension Statistics {
    /// The statistics as of a point of the log: the nearest state that is kept, and what the log has
    /// beyond it.
    ///
    /// - Parameters:
    ///   - directory: `<data>/projections`.
    ///   - log: The log's reader.
    ///   - point: Where; nil: the log's end.
    ///   - now: What a time ago counts back from.
    ///   - need: What will be asked of them; the rest is not there.
    ///   - progress: Called now and then while events are replayed.
    /// - Returns: The statistics.
    /// - Throws: When the log cannot be read; `RefusedEvent`.
    package static func load(
        directory: String, log: LogReader, at point: LogPoint?, now: EventTime,
        need: StatisticsNeed = .everything,
        progress: @escaping @Sendable (ReplayProgress) -> Void = { _ in }
    ) throws -> Statistics {
        var request = AsOfRequest(
            directory: directory, log: log, through: .max, splitter: MailProjections.all.splitter)
        if let point { request.through = try log.sequence(of: point, now: now) }
        request.progress = progress
        return try ProjectionView.load(request, into: Statistics(need)).view.state
    }
}

extension LogReader {
    /// The last event at or before a point; may be beyond the log's end when a sequence is.
    package func sequence(of point: LogPoint, now: EventTime) throws -> UInt64 {
        switch point {
        case .sequence(let sequence): sequence
        case .time(let time):
            try lastSequence(
                at: time.time(now: now).microseconds, splitter: MailProjections.all.splitter)
        }
    }
}
