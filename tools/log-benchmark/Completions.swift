import BenchmarkSupport
import EventLog

/// Takes the outcomes on a writer thread, and that thread's CPU time, for the thread that appends.
///
/// Concurrency: may be shared.
final class Completions: AppendObserver {
    private struct State {
        var completed = 0
        var commits = 0
        /// The writer thread's CPU microseconds at its first and its last commit.
        var cpu: (first: Double, last: Double)?
        /// Events of all commits but the first.
        var eventsAfterFirst = 0
    }

    private let awaited = Awaited(State())

    /// The token of each append is its number of events.
    func appendsCompleted(_ outcomes: [AppendOutcome]) {
        var events = 0
        for outcome in outcomes {
            if case .failure(let error) = outcome.result { SystemExit.exit(with: error) }
            events += Int(outcome.token)
        }
        completed(appends: outcomes.count, events: events)
    }

    /// A commit is durable. Called on the writer thread.
    func completed(appends: Int, events: Int) {
        let now = Clock.threadMicroseconds()
        awaited.update { state in
            state.completed += appends
            state.commits += 1
            if let cpu = state.cpu {
                state.cpu = (cpu.first, now)
                state.eventsAfterFirst += events
            } else {
                state.cpu = (now, now)
            }
        }
    }

    /// Waits for outcomes and takes them all: how many appends.
    func take() -> Int {
        awaited.wait { state in
            guard state.completed > 0 else { return nil }
            defer { state.completed = 0 }
            return state.completed
        }
    }

    /// Commits, and the writer thread's CPU microseconds an event; nil with fewer than two commits.
    var figures: (commits: Int, cpu: Double?) {
        awaited.wait { state in
            guard let cpu = state.cpu, state.eventsAfterFirst > 0 else {
                return (state.commits, nil)
            }
            return (state.commits, (cpu.last - cpu.first) / Double(state.eventsAfterFirst))
        }
    }
}
