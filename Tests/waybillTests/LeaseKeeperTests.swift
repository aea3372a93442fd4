import ConfigurationFile
import EventLog
import Logging
import Synchronization
import Testing

@testable import Replication
@testable import waybill

/// A store that grants everything, until it is told to fail or to stand still.
private final class FakeStore: LeaseStore {
    enum Mood: Sendable { case well, failing, silent }
    private struct State {
        var mood = Mood.well
        var view = LeaseView()
        var requests: [LeaseMachine.Request] = []
        var witnessProblem: String? = "no witness"
    }
    private let state = Monitor(State())

    var requests: [LeaseMachine.Request] { state.withLock { $0.requests } }

    func set(_ mood: Mood) {
        state.withLock { $0.mood = mood }
        state.broadcast()
    }

    func witnessProblem() throws -> String? { state.withLock { $0.witnessProblem } }

    /// What etcd has from now on.
    func show(_ view: LeaseView, witnessProblem: String?) {
        state.withLock { ($0.view, $0.witnessProblem) = (view, witnessProblem) }
    }

    func carryOut(_ request: LeaseMachine.Request, here: LeaseSite) -> LeaseMachine.Answer {
        // Who stands still blocks the one who asks.
        state.wait(while: { $0.mood == .silent }, then: { _ in })
        return state.withLock { state in
            state.requests.append(request)
            if state.mood == .failing { return .failed("away") }
            switch request {
            case .look: return .view(state.view)
            case .take: return .taken(lease: 1)
            case .renew: return .renewed
            case .publish, .release: return .done
            }
        }
    }
}

@Suite("Who keeps the lease")
struct LeaseKeeperTests {
    private final class Heard: Sendable {
        private let changes = Monitor<[LeaseMachine.Change]>([])
        func note(_ change: LeaseMachine.Change) {
            changes.withLock { $0.append(change) }
            changes.broadcast()
        }
        var all: [LeaseMachine.Change] { changes.withLock { $0 } }
        func wait(milliseconds: Int, _ count: Int) -> Bool {
            changes.wait(milliseconds: milliseconds) { $0.count < count }
        }
    }

    private func keeper(
        _ store: FakeStore, automatic: Bool = false,
        canLead: @escaping @Sendable () -> Bool = { true }
    ) throws -> (LeaseKeeper, Heard) {
        var settings = LeaseSettings(endpoints: ["http://127.0.0.1:1"])
        settings.ttlMilliseconds = 3_000
        settings.isAutomatic = automatic
        let keeper = LeaseKeeper(settings, store: store, logger: Logger(label: "test"))
        let heard = Heard()
        try keeper.start(
            LeaseKeeper.Site(
                situation: {
                    var here = LeaseSite(name: "vienna", node: "v")
                    (here.positionEpoch, here.sequence) = (1, 5)
                    return here
                }, changed: { heard.note($0) }, canLead: canLead))
        return (keeper, heard)
    }

    @Test(
        "when etcd stands still, the permit is over and the site is told before the lease ends",
        arguments: [true, false])
    func standsStill(isSilent: Bool) throws {
        let store = FakeStore()
        let (keeper, heard) = try keeper(store)
        defer {
            store.set(.well)
            keeper.stop()
        }
        #expect(keeper.permit.isOver)
        keeper.aim(.hold(epoch: 1, isForced: false))
        #expect(keeper.waitToWrite(milliseconds: 5_000) { false })
        #expect(heard.wait(milliseconds: 2_000, 1))
        #expect(heard.all == [.held])
        #expect(keeper.standing.isHeld)
        store.set(isSilent ? .silent : .failing)
        let began = keeper.permit.now
        #expect(heard.wait(milliseconds: 10_000, 2))
        #expect(keeper.permit.now - began < 3_000)
        #expect(keeper.permit.isOver)
        guard case .lost = heard.all.last else {
            Issue.record("nobody was told: \(heard.all)")
            return
        }
        store.set(.well)
        #expect(keeper.waitToWrite(milliseconds: 10_000) { false })
    }

    @Test("what is offered stands in etcd before it is handed over")
    func offer() throws {
        let store = FakeStore()
        let (keeper, _) = try keeper(store)
        defer { keeper.stop() }
        keeper.aim(.hold(epoch: 4, isForced: false))
        #expect(keeper.waitToWrite(milliseconds: 5_000) { false })
        #expect(keeper.offer(to: "berlin"))
        #expect(store.requests.contains(.renew(lease: 1, epoch: 4, successor: "berlin")))
        keeper.aim(.stand)
        #expect(keeper.permit.isOver)
    }

    @Test("by force it may write at once; without a witness automatic promotion is refused")
    func force() throws {
        let store = FakeStore()
        store.set(.failing)
        let (keeper, _) = try keeper(store, automatic: true)
        defer { keeper.stop() }
        keeper.force(true)
        keeper.aim(.hold(epoch: 4, isForced: false))
        #expect(keeper.waitToWrite(milliseconds: 0) { false })
        #expect(keeper.standing.isWithout)
        store.set(.well)
        for _ in 0..<500 where keeper.standing.witnessProblem == nil {
            _ = Monitor(()).wait(milliseconds: 10) { _ in true }
        }
        #expect(keeper.standing.witnessProblem == "no witness")
    }

    @Test("a site that cannot start gives the lease back before it ends")
    func release() throws {
        let store = FakeStore()
        let (keeper, _) = try keeper(store)
        keeper.aim(.hold(epoch: 4, isForced: false))
        #expect(keeper.waitToWrite(milliseconds: 5_000) { false })
        keeper.release()
        #expect(keeper.permit.isOver)
        #expect(store.requests.contains(.release(lease: 1)))
    }

    @Test(
        "a standby that cannot record a role leaves the lease to others", arguments: [false, true])
    func cannotLead(canLead: Bool) throws {
        let store = FakeStore()
        var view = LeaseView()
        view.token = LeaseToken(epoch: 1, site: "paris", sequence: 5, standbys: ["vienna"])
        view.tokenRevision = 41
        view.candidates = [LeaseCandidate(site: "vienna", epoch: 1, sequence: 5, campaign: 41)]
        store.show(view, witnessProblem: nil)
        let asked = Monitor(0)
        let (keeper, heard) = try keeper(store, automatic: true) {
            asked.withLock { $0 += 1 }
            asked.broadcast()
            return canLead
        }
        defer { keeper.stop() }
        keeper.aim(.stand)
        #expect(asked.wait(milliseconds: 10_000) { $0 < (canLead ? 1 : 2) })
        if canLead { #expect(heard.wait(milliseconds: 5_000, 1)) }
        let takes = store.requests.filter { if case .take = $0 { true } else { false } }
        #expect(takes.isEmpty == !canLead)
        #expect(heard.all == (canLead ? [.promoted(epoch: 2)] : []))
    }
}
