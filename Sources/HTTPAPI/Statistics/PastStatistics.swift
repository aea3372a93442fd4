import MailProjections
import NIOPosix
import Synchronization

/// Statistics as of earlier events. They are made from files and the log by one thread, one after the
/// other, and those of the last moment are kept, so that the pages of a list, or several questions about
/// one subject, cost one reading.
///
/// Concurrency: any thread.
final class PastStatistics: Sendable {
    private let state: any ServerState
    private let thread = NIOThreadPool(numberOfThreads: 1)
    private let places = StreamPlaces(
        limit: APILimits.pastQuestions, of: "questions about the past")
    /// Of one moment, no two with subjects of one kind: together they are no more than the whole.
    private let kept = Mutex<[Kept]>([])

    private struct Kept {
        var through: UInt64
        var need: StatisticsNeed
        var statistics: Statistics
    }

    init(state: any ServerState) {
        self.state = state
        thread.start()
    }

    /// Reads the statistics as of the end of an event, of which `body` asks no more than is needed.
    ///
    /// - Throws: 503 when too many wait; what the reading or `body` throws.
    func read<Value: Sendable>(
        through sequence: UInt64, _ need: StatisticsNeed,
        _ body: @escaping @Sendable (Statistics) throws -> Value
    ) async throws -> Value {
        let place = try places.enter()
        defer { withExtendedLifetime(place) {} }
        return try await thread.runIfActive { [self] in
            try body(try statistics(through: sequence, need))
        }
    }

    private func statistics(
        through sequence: UInt64, _ need: StatisticsNeed
    ) throws -> Statistics {
        let known = kept.withLock { kept -> Statistics? in
            if let one = kept.first(where: { $0.through == sequence && $0.need.covers(need) }) {
                return one.statistics
            }
            // Before it is made, so that no kind is in memory twice beside the live ones.
            kept.removeAll { $0.through != sequence || $0.need.overlaps(need) }
            return nil
        }
        if let known { return known }
        let made = try state.statistics(through: sequence, need: need)
        kept.withLock {
            $0.append(Kept(through: sequence, need: need, statistics: made))
        }
        return made
    }

    /// Ends the thread; what waits is not answered.
    func close() { thread.shutdownGracefully { _ in } }
}
