import EventLog
import HTTPAPI
import MailEvents
import Synchronization

/// The log of a site that does not write: everything can be read, nothing appended. It may not be there
/// yet: a standby fetches it from its primary.
///
/// Concurrency: any thread; who follows is told by a thread of its own.
final class StandbyLog: APILog {
    private struct State: Sendable {
        var reader: LogReader?
        var followers: [any LogFollower<Event>] = []
        var isStopped = false
        var hasEnded = true
    }

    private let refusal: EventLogError
    private let absence: EventLogError
    private let state = Monitor(State())

    /// - Parameters:
    ///   - refusal: Why nothing is appended.
    ///   - absence: Why there is no log yet, as long as there is none.
    init(refusal: String, absence: String) {
        self.refusal = EventLogError(.readOnly, refusal, hint: "Ask the primary.")
        self.absence = EventLogError(
            .notFound, absence,
            hint: "What it waits for is in waybill site status, and it goes on by itself.")
    }

    var reader: LogReader {
        get throws(EventLogError) {
            guard let reader = state.withLock({ $0.reader }) else { throw absence }
            return reader
        }
    }

    /// There is a log: begins to tell who follows; returns at once.
    ///
    /// - Parameter reader: The log's.
    func start(_ reader: LogReader) {
        state.withLock { state in
            state.reader = reader
            state.hasEnded = false
        }
        let started = OwnThread.start(name: "waybill-tell") { [self] in
            tell(reader)
            state.withLock { $0.hasEnded = true }
            state.broadcast()
        }
        if !started { state.withLock { $0.hasEnded = true } }
    }

    /// Tells nobody any more.
    func stop() {
        state.withLock { $0.isStopped = true }
        state.wait(while: { !$0.hasEnded }, then: { _ in })
    }

    /// Followers here only want to know that something came: they read it themselves.
    private func tell(_ reader: LogReader) {
        var seen = (try? reader.lastSequence()) ?? 0
        while !state.withLock({ $0.isStopped }) {
            guard (try? reader.waitForBatch(after: seen, timeoutMilliseconds: 100)) ?? false,
                let last = try? reader.lastSequence(),
                let position = reader.durablePosition
            else { continue }
            seen = last
            let batch = CommittedBatch<Event>(
                epoch: position.epoch, firstSequence: last + 1, events: [], contents: [],
                position: position)
            for follower in state.withLock({ $0.followers }) { Self.pass(batch, to: follower) }
        }
    }

    private static func pass(
        _ batch: CommittedBatch<Event>, to follower: some LogFollower<Event>
    ) {
        follower.committed(batch)
    }

    func append(
        _ events: [Event], contents: [Content]
    ) async throws(EventLogError) -> AppendReceipt {
        throw refusal
    }

    func append(
        _ events: [Event], contents: [Content], demand: StandbyDemand?,
        retraction: Append<Event>.Retraction?
    ) async throws(EventLogError) -> AppendReceipt {
        throw refusal
    }

    var standbysPresent: Int { 0 }

    func standbys(having sequence: UInt64) -> Int { 0 }

    func acceptance() -> Result<Void, EventLogError> { .failure(refusal) }

    func seal() async throws(EventLogError) -> UInt64? { throw refusal }

    func follow(_ follower: any LogFollower<Event>) -> UInt64 {
        state.withLock { $0.followers.append(follower) }
        return (try? reader).flatMap { try? $0.lastSequence() } ?? 0
    }

    func unfollow(_ follower: any LogFollower<Event>) {
        state.withLock { state in state.followers.removeAll { $0 === follower } }
    }
}
