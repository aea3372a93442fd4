import ConfigurationFile
import EventLog
import Logging
import Replication
import Synchronization

/// Keeps the lease: asks etcd what the machine says is to be asked, and tells the site what it must know.
///
/// What it never does: leave a lease that may have ended unnoticed while etcd does not answer. A second
/// thread looks at the time, and the permit is looked at by whoever acknowledges.
///
/// Concurrency: any thread; two threads of its own.
final class LeaseKeeper: Sendable {
    private struct State: Sendable {
        var machine: LeaseMachine
        var isStopped = false
        /// The next aim to hold is by force.
        var isForced = false
        /// As they were entered last.
        var standbys: [String] = []
        /// Why no site may promote itself; nil: etcd is a witness.
        var witnessProblem: String?
        var isWitnessKnown = false
        /// The lease is being given back in etcd.
        var isReleasing = false
    }

    /// What the keeper asks the site for, and tells it.
    struct Site: Sendable {
        /// The site as it stands now.
        var situation: @Sendable () -> LeaseSite
        /// What happened to the lease. Must not block long.
        var changed: @Sendable (LeaseMachine.Change) -> Void
        /// Whether a standby could become the primary here, as far as its disk goes. May block.
        var canLead: @Sendable () -> Bool = { true }
    }

    /// Until when may be written.
    let permit = WritingPermit()
    let settings: LeaseSettings
    /// Of the lease.
    var timing: LeaseTiming { LeaseTiming(ttlMilliseconds: settings.ttlMilliseconds) }
    private let store: any LeaseStore
    private let state: Monitor<State>
    private let logger: Logger

    /// - Parameters:
    ///   - settings: Of the lease.
    ///   - store: Where it is kept.
    ///   - logger: Told of what goes wrong.
    init(_ settings: LeaseSettings, store: any LeaseStore, logger: Logger) {
        self.settings = settings
        self.store = store
        self.logger = logger
        state = Monitor(
            State(
                machine: LeaseMachine(
                    timing: LeaseTiming(ttlMilliseconds: settings.ttlMilliseconds),
                    lagMax: UInt64(settings.lagEvents), isAutomatic: settings.isAutomatic)))
    }

    /// Milliseconds between two looks at the time.
    private static let tickMilliseconds = 50

    /// Begins; returns at once.
    ///
    /// - Parameter site: Whom it is kept for.
    /// - Throws: When the system gives no thread.
    func start(_ site: Site) throws {
        let parts: [(String, @Sendable () -> Void)] = [
            ("waybill-lease", { [self] in keep(site) }),
            ("waybill-lease-t", { [self] in watch(site) }),
        ]
        for (name, body) in parts {
            guard OwnThread.start(name: name, body) else {
                throw ReplicationError(.stopped, "the system gives no thread for the lease")
            }
        }
    }

    /// Ends, without waiting for a request under way. The lease stays until it runs out, for a site that
    /// is only started again.
    func stop() {
        state.withLock { $0.isStopped = true }
        state.broadcast()
    }

    /// Gives the lease back and ends: this site cannot start, and another one can. Waits for etcd, but not
    /// long.
    func release() {
        state.withLock { state in
            state.machine.set(.none, now: permit.now)
            permit.set(until: state.machine.until)
        }
        state.broadcast()
        _ = state.wait(milliseconds: 2 * Int(timing.request)) {
            !$0.isStopped && ($0.machine.isAboutToRelease || $0.isReleasing)
        }
        stop()
    }

    /// Sets what the site wants, now that what wrote before has ended.
    func aim(_ aim: LeaseMachine.Aim) {
        state.withLock { state in
            var aim = aim
            if case .hold(let epoch, _) = aim {
                aim = .hold(epoch: epoch, isForced: state.isForced)
            }
            state.isForced = false
            state.machine.set(aim, now: permit.now)
            permit.set(until: state.machine.until)
        }
        state.broadcast()
    }

    /// Whether this site, the next time that it wants to hold the lease, does so whoever holds it.
    func force(_ isForced: Bool) { state.withLock { $0.isForced = isForced } }

    /// Waits until the site may write.
    ///
    /// - Parameters:
    ///   - milliseconds: At most so long. Blocks.
    ///   - isGivenUp: Whether it is not waited for any more.
    /// - Returns: Whether it may.
    func waitToWrite(milliseconds: Int, isGivenUp: () -> Bool) -> Bool {
        _ = state.wait(milliseconds: milliseconds) { [permit] state in
            !state.isStopped && state.machine.until <= permit.now && !isGivenUp()
        }
        return !permit.isOver
    }

    /// Names the site that may take the lease over from this one, in etcd; empty: none.
    ///
    /// - Returns: Whether it stands there. Blocks.
    func offer(to site: String) -> Bool {
        state.withLock { $0.machine.offer(to: site, now: permit.now) }
        state.broadcast()
        _ = state.wait(milliseconds: settings.ttlMilliseconds / 2) {
            $0.machine.isHeld && !$0.machine.hasOffered(to: site)
        }
        return state.withLock { state in
            let isThere = state.machine.hasOffered(to: site)
            if !isThere { state.machine.offer(to: "", now: permit.now) }
            return isThere
        }
    }

    /// The standby that has taken the lease cannot be the primary.
    func giveBack() {
        state.withLock { state in
            state.machine.giveBack(now: permit.now)
            permit.set(until: state.machine.until)
        }
        state.broadcast()
    }

    /// How the lease stands.
    var standing: LeaseStanding {
        state.withLock { state in
            let machine = state.machine
            let until = machine.until
            var standing = LeaseStanding(
                isHeld: machine.isHeld, isSilent: machine.isSilent || machine.view == nil,
                view: machine.view, problem: machine.problem)
            standing.secondsLeft =
                machine.isHeld ? Double(until - min(until, permit.now)) / 1_000 : nil
            standing.isAutomatic = settings.isAutomatic
            standing.witnessProblem = settings.isAutomatic ? state.witnessProblem : nil
            standing.isWithout = !machine.isHeld && until == .max
            return standing
        }
    }
}

extension LeaseKeeper {
    /// Asks etcd, again and again.
    private func keep(_ site: Site) {
        while !state.withLock({ $0.isStopped }) {
            let here = situation(site)
            let now = permit.now
            let step = state.withLock { state in
                let step = state.machine.step(now: now, here: here)
                if case .ask(.release) = step { state.isReleasing = true }
                return step
            }
            switch step {
            case .wait(let until):
                let milliseconds = min(until - min(until, now), 1_000)
                _ = state.wait(milliseconds: max(10, Int(milliseconds))) { [permit] state in
                    // An offer or a new aim is due at once.
                    !state.isStopped && !state.machine.isDue(now: permit.now)
                }
            case .ask(let request):
                if case .renew = request { state.withLock { $0.standbys = here.standbys } }
                let answer = carryOut(request, site, here)
                checkWitness(answer)
            }
            tell(site)
        }
    }

    /// Asks etcd for one thing, and lets the machine know.
    private func carryOut(
        _ request: LeaseMachine.Request, _ site: Site, _ here: LeaseSite
    ) -> LeaseMachine.Answer {
        let asked = permit.now
        let answer: LeaseMachine.Answer
        if case .take = request, state.withLock({ $0.machine.isStanding }), !site.canLead() {
            // Not asked for: whoever takes it and cannot lead keeps the others from it.
            answer = .refused
        } else {
            let entered = state.withLock { $0.machine.entered(here) }
            answer = store.carryOut(request, here: entered)
            if case .release = request { state.withLock { $0.isReleasing = false } }
        }
        note(answer)
        // Asked anew: while etcd was asked, the log may have grown, and what is published next must not
        // be older than what was confirmed.
        let now = situation(site)
        apply(site) { machine, time in
            machine.answered(request, answer, asked: asked, now: time, here: now)
        }
        return answer
    }

    /// Looks at the time, whatever etcd does, and whether other standbys follow.
    private func watch(_ site: Site) {
        while !state.withLock({ $0.isStopped }) {
            apply(site) { machine, now in machine.tick(now: now) }
            if state.withLock({ $0.machine.isHeld }) {
                let standbys = site.situation().standbys
                let isNew = state.withLock { state in
                    guard state.standbys != standbys else { return false }
                    state.standbys = standbys
                    state.machine.hurry(now: permit.now)
                    return true
                }
                if isNew { state.broadcast() }
            }
            _ = state.wait(milliseconds: Self.tickMilliseconds) { !$0.isStopped }
        }
    }

    private func situation(_ site: Site) -> LeaseSite {
        var here = site.situation()
        let (problem, isKnown) = state.withLock { ($0.witnessProblem, $0.isWitnessKnown) }
        if here.obstacle == nil, settings.isAutomatic {
            here.obstacle = isKnown ? problem : "whether etcd is a witness is not known yet"
        }
        return here
    }

    private func apply(_ site: Site, _ change: (inout LeaseMachine, UInt64) -> Void) {
        state.withLock { state in
            change(&state.machine, permit.now)
            permit.set(until: state.machine.until)
        }
        state.broadcast()
        tell(site)
    }

    /// Tells the site, outside the lock: it asks how the lease stands.
    private func tell(_ site: Site) {
        let changes = state.withLock { $0.machine.takeChanges() }
        for change in changes { site.changed(change) }
        if !changes.isEmpty { state.broadcast() }
    }

    private func note(_ answer: LeaseMachine.Answer) {
        guard case .failed(let reason) = answer else { return }
        let isNew = state.withLock { state in
            // Asked anew when the connection is back.
            state.isWitnessKnown = false
            return !state.machine.isSilent
        }
        if isNew { logger.warning("etcd does not answer", metadata: ["reason": "\(reason)"]) }
    }

    /// Asks who the members are, at the start and whenever etcd answers again.
    private func checkWitness(_ answer: LeaseMachine.Answer) {
        if case .failed = answer { return }
        guard settings.isAutomatic, !state.withLock({ $0.isWitnessKnown }) else { return }
        let problem: String?
        do {
            problem = try store.witnessProblem()
        } catch {
            return
        }
        let isNew = state.withLock { state in
            state.isWitnessKnown = true
            defer { state.witnessProblem = problem }
            return state.witnessProblem != problem
        }
        if isNew, let problem {
            logger.critical(
                "automatic promotion is refused: this site waits for an operator",
                metadata: ["reason": "\(problem)"])
        }
    }
}

/// How the lease stands, as one site knows it.
///
/// Concurrency: value.
struct LeaseStanding: Hashable, Sendable {
    /// By this site.
    var isHeld: Bool
    /// etcd does not answer.
    var isSilent: Bool
    /// What etcd had when it answered last, while this site does not hold the lease.
    var view: LeaseView?
    var problem: String?
    /// Until the holder stops writing; nil unless this site is the holder.
    var secondsLeft: Double?
    var isAutomatic = false
    /// Why no site may promote itself.
    var witnessProblem: String?
    /// This site writes by force, without a lease.
    var isWithout = false

    /// The other site that holds the lease.
    var otherHolder: String? { isHeld ? nil : view?.holder?.site }
}
