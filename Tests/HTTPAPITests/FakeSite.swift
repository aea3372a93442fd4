import EventLog
import HTTPAPI
import Synchronization

/// A site that does whatever is ordered, and remembers it; one that refuses when it is told to.
final class FakeSite: SiteControl {
    private struct State {
        var orders: [SiteOrder] = []
        var refusal: SiteRefusal?
        var report = SiteReport(site: "here", role: "primary", epoch: 3)
    }

    private let state = Mutex(State())

    var orders: [SiteOrder] { state.withLock { $0.orders } }

    func refuse(_ reason: String, isTemporary: Bool = false) {
        state.withLock { $0.refusal = SiteRefusal(reason, isTemporary: isTemporary) }
    }

    func show(_ report: SiteReport) { state.withLock { $0.report = report } }

    func report() -> SiteReport { state.withLock { $0.report } }

    func carryOut(
        _ order: SiteOrder, isDryRun: Bool
    ) throws(SiteRefusal) -> SiteOutcome {
        if let refusal = state.withLock({ $0.refusal }) { throw refusal }
        if !isDryRun { state.withLock { $0.orders.append(order) } }
        return SiteOutcome(isChange: true, role: "standby", epoch: 4, steps: ["one", "two"])
    }

    func salvage(
        _ directory: String, isDryRun: Bool
    ) async throws(SiteRefusal) -> SalvageOutcome {
        if let refusal = state.withLock({ $0.refusal }) { throw refusal }
        var outcome = SalvageOutcome()
        outcome.messages = 3
        outcome.queued = 2
        outcome.already = 1
        return outcome
    }

    func compare() async throws(SiteRefusal) -> [SiteComparison] {
        if let refusal = state.withLock({ $0.refusal }) { throw refusal }
        var berlin = SiteComparison(
            address: "192.0.2.2:7025", verdict: .same, detail: "same history through 7")
        berlin.site = "berlin"
        berlin.epoch = 3
        berlin.sequence = 7
        return [berlin]
    }
}
