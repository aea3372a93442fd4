import MailProjections
import NIOPosix
import Synchronization

/// Statistics as of earlier events. They are made from files and the log by one thread, one after the
/// other, and the last ones are kept, so that the pages of a list, or several questions about one
/// moment, cost one reading.
///
/// Concurrency: any thread.
final class PastStatistics: Sendable {
    private let state: any ServerState
    private let thread = NIOThreadPool(numberOfThreads: 1)
    private let places = StreamPlaces(
        limit: APILimits.pastQuestions, of: "questions about the past")
    private let last = Mutex<(through: UInt64, statistics: Statistics)?>(nil)

    init(state: any ServerState) {
        self.state = state
        thread.start()
    }

    /// Reads the statistics as of the end of an event.
    ///
    /// - Throws: 503 when too many wait; what the reading or `body` throws.
    func read<Value: Sendable>(
        through sequence: UInt64, _ body: @escaping @Sendable (Statistics) throws -> Value
    ) async throws -> Value {
        let place = try places.enter()
        defer { withExtendedLifetime(place) {} }
        return try await thread.runIfActive { [self] in
            try body(try statistics(through: sequence))
        }
    }

    private func statistics(through sequence: UInt64) throws -> Statistics {
        let kept = last.withLock { $0?.through == sequence ? $0?.statistics : nil }
        if let kept { return kept }
        // So that two of them are never in memory beside the live ones.
        last.withLock { $0 = nil }
        let made = try state.statistics(through: sequence)
        last.withLock { $0 = (sequence, made) }
        return made
    }

    /// Ends the thread; what waits is not answered.
    func close() { thread.shutdownGracefully { _ in } }
}
