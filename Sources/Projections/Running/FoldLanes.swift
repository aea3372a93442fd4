import EventLog

/// Applies the chunks of a pass to several projections at once: each on a thread of its own, in order.
///
/// A chunk is let go when all have applied it. A projection that cannot go on takes no further part,
/// and does not hold up the others.
///
/// Concurrency: one thread makes it and calls it; the projections' threads are its own, and have ended
/// when ``stop()`` returns.
final class FoldLanes: Sendable {
    /// What the threads have come to since the last look.
    struct News {
        /// Last events of the chunks that all have applied, in order.
        var applied: [UInt64] = []
        var failures: [(host: any ProjectionHost, error: any Error)] = []
        /// Whether none is left that could go on.
        var isOver = false
        /// Whether more chunks wait than was asked for.
        var isBehind = false
    }

    private struct Lane {
        /// Number of the chunk that it applies, or waits for.
        var next = 0
        var error: (any Error)?
        /// Whether it takes part.
        var isActive = true
    }

    private struct State {
        /// Those that not all have applied.
        var chunks: [[StoredBatch]] = []
        /// Number of the first of them.
        var first = 0
        var lanes: [Lane]
        /// Last events of the chunks that were let go since the last look.
        var applied: [UInt64] = []
        var isStopping = false
        var threads = 0
    }

    private let hosts: [any ProjectionHost]
    private let work: @Sendable (any ProjectionHost, [StoredBatch]) throws -> Void
    private let state: Monitor<State>

    /// Starts the threads.
    ///
    /// - Parameters:
    ///   - hosts: At least one.
    ///   - work: Applies a chunk; called on the projection's thread. What it throws ends that one.
    /// - Throws: `ProjectionError` when the system gives no thread.
    init(
        _ hosts: [any ProjectionHost],
        work: @escaping @Sendable (any ProjectionHost, [StoredBatch]) throws -> Void
    ) throws {
        self.hosts = hosts
        self.work = work
        state = Monitor(State(lanes: hosts.map { _ in Lane() }))
        for index in hosts.indices {
            state.withLock { $0.threads += 1 }
            let started = OwnThread.start(name: "waybill-apply") { [self] in
                run(index)
                state.withLock { $0.threads -= 1 }
                state.broadcast()
            }
            guard !started else { continue }
            state.withLock { $0.threads -= 1 }
            stop()
            throw ProjectionError(message: "the system gives no thread for a replay", file: "")
        }
    }

    /// Hands out a chunk; does not wait.
    func put(_ chunk: [StoredBatch]) {
        state.withLock { $0.chunks.append(chunk) }
        state.broadcast()
    }

    /// Waits until at most so many chunks are not applied by all, or there is something to tell.
    func news(whileMoreThan limit: Int) -> News {
        state.wait { state in
            state.chunks.count > limit && state.applied.isEmpty
                && !state.lanes.contains { $0.error != nil }
                && state.lanes.contains(where: \.isActive)
        } then: { state in
            var news = News()
            news.applied = state.applied
            state.applied = []
            for index in hosts.indices {
                guard let error = state.lanes[index].error else { continue }
                news.failures.append((hosts[index], error))
                state.lanes[index].error = nil
            }
            news.isOver = !state.lanes.contains(where: \.isActive)
            news.isBehind = state.chunks.count > limit
            return news
        }
    }

    /// Ends the threads, each after the chunk that it applies, and waits for that.
    func stop() {
        state.withLock { $0.isStopping = true }
        state.broadcast()
        state.wait(while: { $0.threads > 0 }, then: { _ in })
    }

    // MARK: On a projection's thread

    private func run(_ index: Int) {
        while let chunk = chunk(for: index) {
            var failure: (any Error)?
            do {
                try work(hosts[index], chunk)
            } catch {
                failure = error
            }
            finish(index, failure)
            if failure != nil { return }
        }
    }

    private func chunk(for index: Int) -> [StoredBatch]? {
        state.wait { state in
            !state.isStopping && state.lanes[index].next - state.first >= state.chunks.count
        } then: { state in
            state.isStopping ? nil : state.chunks[state.lanes[index].next - state.first]
        }
    }

    private func finish(_ index: Int, _ failure: (any Error)?) {
        let isNews = state.withLock { state in
            state.lanes[index].next += 1
            state.lanes[index].error = failure
            if failure != nil { state.lanes[index].isActive = false }
            let behind = state.lanes.filter(\.isActive).map(\.next).min() ?? state.first
            while state.first < behind, !state.chunks.isEmpty {
                if let last = state.chunks.removeFirst().last {
                    state.applied.append(last.lastSequence)
                }
                state.first += 1
            }
            return failure != nil || !state.applied.isEmpty
        }
        if isNews { state.broadcast() }
    }
}
