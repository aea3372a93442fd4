/// Holds acknowledgements back until standbys have made their events durable.
///
/// What it does: releases what is held as soon as enough connected standbys have it; when the time is
/// over, refuses or accepts it as its demand says, and counts each.
///
/// Concurrency: any thread; observers are told on the thread that brings the news.
package final class StandbyGate: Sendable {
    /// What was answered since the start.
    package struct Totals: Hashable, Sendable {
        /// On as many standbys as was asked for.
        package var replicated: UInt64 = 0
        /// On this site only, although more was asked for.
        package var degraded: UInt64 = 0
        /// Not acknowledged, although it stands in this site's log.
        package var refused: UInt64 = 0

        /// Nothing yet.
        package init() {}
    }

    private struct Held: Sendable {
        var demand: StandbyDemand
        /// Last sequence of the append.
        var sequence: UInt64
        /// By the monotonic clock.
        var deadline: UInt64
        var observer: any AppendObserver
        var token: UInt64
        var receipt: AppendReceipt
    }

    private struct State: Sendable {
        /// What the connected standbys have, the highest first.
        var durable: [UInt64] = []
        var held: [Held] = []
        var totals = Totals()
    }

    private let state = Monitor(State())
    private let timeoutMilliseconds: UInt64
    private let permit: WritingPermit?
    private let monotonicMilliseconds: @Sendable () -> UInt64

    /// - Parameters:
    ///   - timeoutMilliseconds: How long an append may wait for standbys.
    ///   - permit: Until when anything is acknowledged; nil: there is no end.
    ///   - monotonicMilliseconds: A clock that never goes back.
    package init(
        timeoutMilliseconds: UInt64, permit: WritingPermit? = nil,
        monotonicMilliseconds: @escaping @Sendable () -> UInt64 = {
            SystemClock.monotonicMilliseconds()
        }
    ) {
        self.timeoutMilliseconds = timeoutMilliseconds
        self.permit = permit
        self.monotonicMilliseconds = monotonicMilliseconds
    }

    /// Standbys that follow now.
    package var present: Int { state.withLock { $0.durable.count } }
    /// Connected standbys that have a sequence.
    func count(having sequence: UInt64) -> Int {
        state.withLock { $0.durable.prefix { $0 >= sequence }.count }
    }
    /// What was answered since the start.
    package var totals: Totals { state.withLock { $0.totals } }
    /// Acknowledgements that are held.
    package var heldCount: Int { state.withLock { $0.held.count } }

    /// Keeps an append, durable here, until enough standbys have it.
    func hold(
        _ append: Append<some Sendable>, demand: StandbyDemand, receipt: AppendReceipt
    ) {
        guard let observer = append.observer else { return }
        let held = Held(
            demand: demand, sequence: receipt.firstSequence + UInt64(append.events.count) - 1,
            deadline: monotonicMilliseconds() + timeoutMilliseconds, observer: observer,
            token: append.token, receipt: receipt)
        let outcome = state.withLock { state -> AppendOutcome? in
            let outcome = Self.outcome(
                of: held, &state, isLate: false, refusal: permit?.refusal)
            if outcome == nil { state.held.append(held) }
            return outcome
        }
        if let outcome { observer.appendsCompleted([outcome]) }
    }

    /// The connected standbys have made these sequences durable, the highest first.
    package func moved(_ durable: [UInt64]) {
        resolve { state in state.durable = durable }
    }

    /// Looks whether something has waited too long; to be called some times a second.
    package func tick() { resolve { _ in } }

    private func resolve(_ change: (inout State) -> Void) {
        let now = monotonicMilliseconds()
        let refusal = permit?.refusal
        let groups = state.withLock { state -> OutcomeGroups in
            change(&state)
            var groups = OutcomeGroups()
            var left: [Held] = []
            for held in state.held {
                if let outcome = Self.outcome(
                    of: held, &state, isLate: now >= held.deadline, refusal: refusal)
                {
                    groups.add(held.observer, outcome)
                } else {
                    left.append(held)
                }
            }
            state.held = left
            return groups
        }
        var outcomes = groups
        outcomes.deliver()
    }

    /// What is to be told; nil while it has to wait.
    private static func outcome(
        of held: Held, _ state: inout State, isLate: Bool, refusal: EventLogError?
    ) -> AppendOutcome? {
        if var refusal {
            state.totals.refused += 1
            refusal.sequences = held.receipt.firstSequence...held.sequence
            return AppendOutcome(token: held.token, result: .failure(refusal))
        }
        let count = held.demand.standbys
        var receipt = held.receipt
        if state.durable.count >= count, state.durable[count - 1] >= held.sequence {
            state.totals.replicated += 1
            receipt.durability = .replicated(standbys: count)
            return AppendOutcome(token: held.token, result: .success(receipt))
        }
        let isHopeless = state.durable.count < count && held.demand.whenAway == .accept
        guard isLate || isHopeless else { return nil }
        if held.demand.whenAway == .accept {
            state.totals.degraded += 1
            receipt.durability = .degraded
            return AppendOutcome(token: held.token, result: .success(receipt))
        }
        state.totals.refused += 1
        return AppendOutcome(
            token: held.token,
            result: .failure(
                EventLogError(
                    .notReplicated, "not on \(count) standby(s) in time",
                    sequences: receipt.firstSequence...held.sequence,
                    hint: "It stands in this site's log.")))
    }
}
