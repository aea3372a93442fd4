internal import Synchronization

/// Appends that are taken back when standbys do not have them in time.
///
/// What it does: stands between the log and the observer of such an append. When it is acknowledged, the
/// followers are told, then the observer. When it is refused although it is durable here, what takes it
/// back is appended, and the observer is told only when that is durable: whoever was refused will not
/// find it done after a crash. When it cannot be taken back, the observer's error has the sequences.
///
/// Concurrency: may be shared; observers and followers are told on the thread that brings the news.
final class ProvisionalAppends<Event: Sendable>: AppendObserver {
    private struct Entry: Sendable {
        var observer: (any AppendObserver)?
        var token: UInt64
        var count: Int
        var retraction: Append<Event>.Retraction
        /// Set while it is being taken back.
        var refusal: EventLogError?
    }

    private struct State: Sendable {
        var entries: [UInt64: Entry] = [:]
        var nextToken: UInt64 = 0
    }

    private let state = Mutex(State())
    private let intake: AppendIntake<Event>
    private let epoch: UInt32

    init(intake: AppendIntake<Event>, epoch: UInt32) {
        self.intake = intake
        self.epoch = epoch
    }

    /// The append with this in its observer's place.
    func wrap(_ append: Append<Event>) -> Append<Event> {
        guard let retraction = append.retraction else { return append }
        var append = append
        let entry = Entry(
            observer: append.observer, token: append.token, count: append.events.count,
            retraction: retraction)
        append.token = state.withLock { state in
            state.nextToken += 1
            state.entries[state.nextToken] = entry
            return state.nextToken
        }
        append.observer = self
        return append
    }

    func appendsCompleted(_ outcomes: [AppendOutcome]) {
        var told = OutcomeGroups()
        for outcome in outcomes {
            guard let entry = state.withLock({ $0.entries.removeValue(forKey: outcome.token) })
            else { continue }
            guard let result = result(of: entry, outcome) else { continue }
            told.add(entry.observer, AppendOutcome(token: entry.token, result: result))
        }
        told.deliver()
    }

    /// What the observer is told; nil when the append is to be taken back first.
    private func result(
        of entry: Entry, _ outcome: AppendOutcome
    ) -> Result<AppendReceipt, EventLogError>? {
        if var refusal = entry.refusal {
            if case .success = outcome.result {
                refusal.sequences = nil
                refusal.hint = "It was taken back."
            }
            return .failure(refusal)
        }
        switch outcome.result {
        case .success(let receipt):
            tellFollowers(receipt.firstSequence...receipt.firstSequence + UInt64(entry.count) - 1)
            return outcome.result
        case .failure(let error):
            guard let sequences = error.sequences else { return outcome.result }
            takeBack(entry, at: sequences.lowerBound, for: error, outcome.token)
            return nil
        }
    }

    private func tellFollowers(_ sequences: ClosedRange<UInt64>) {
        for follower in intake.queue.withLock({ $0.followers }) {
            follower.acknowledged(sequences)
        }
    }

    private func takeBack(
        _ entry: Entry, at first: UInt64, for error: EventLogError, _ token: UInt64
    ) {
        var entry = entry
        entry.refusal = error
        let events = entry.retraction(AppendReceipt(epoch: epoch, firstSequence: first), error)
        let taken = entry
        state.withLock { $0.entries[token] = taken }
        intake.take(Append(events: events, observer: self, token: token))
    }
}
