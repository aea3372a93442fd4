import EventLog
import MailEvents
import Synchronization

/// Wakes those who wait for the log to grow. It keeps nothing of what was written: who was asleep
/// reads it from the disk.
///
/// Concurrency: any thread; called by the log's writer.
final class LogBell: LogFollower {
    private struct State {
        var sequence: UInt64 = 0
        var isClosed = false
        var waiting: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var nextToken: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Whether the server stops: streams end.
    var isClosed: Bool { state.withLock { $0.isClosed } }

    func committed(_ batch: CommittedBatch<Event>) { ring(batch.lastSequence) }

    /// The log has grown to a sequence.
    func ring(_ sequence: UInt64) {
        let woken = state.withLock { state in
            state.sequence = max(state.sequence, sequence)
            defer { state.waiting.removeAll() }
            return state.waiting.values.map { $0 }
        }
        for continuation in woken { continuation.resume() }
    }

    /// Wakes everybody for the last time.
    func close() {
        state.withLock { $0.isClosed = true }
        ring(0)
    }

    /// Waits until the log is beyond a sequence, the time is over, the bell is closed, or the task
    /// is cancelled, whichever comes first.
    func wait(beyond sequence: UInt64, atMost duration: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.wait(beyond: sequence) }
            group.addTask { try? await Task.sleep(for: duration) }
            await group.next()
            group.cancelAll()
        }
    }

    private func wait(beyond sequence: UInt64) async {
        let token = state.withLock { state in
            state.nextToken += 1
            return state.nextToken
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    guard state.sequence <= sequence, !state.isClosed, !Task.isCancelled else {
                        return true
                    }
                    state.waiting[token] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: token) }?.resume()
        }
    }
}
