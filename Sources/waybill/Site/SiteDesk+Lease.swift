import ConfigurationFile
import EventLog
import HTTPAPI
import Logging
import MailModel
import Replication
import Synchronization

/// What the site has to do with the lease in etcd.
extension SiteDesk {
    /// Whom the lease is kept for.
    var leaseSite: LeaseKeeper.Site {
        LeaseKeeper.Site(
            situation: { [self] in leaseSituation() }, changed: { [self] in leaseChanged($0) },
            canLead: { [self] in canRecord() })
    }

    /// Whether a new role could be recorded: looked at before the lease is taken, because a site that has
    /// taken it and cannot keeps every other one from it.
    private func canRecord() -> Bool {
        let isRecorded = change { _ in true }
        let until = SystemClock.monotonicMilliseconds() + Self.recordRetryMilliseconds
        state.withLock { $0.unrecordableUntil = isRecorded ? 0 : until }
        return isRecorded
    }

    /// Milliseconds until a site whose role could not be recorded may stand again.
    private static let recordRetryMilliseconds: UInt64 = 5_000

    /// Whether this is a primary that may write nothing: its lease was lost, or is not held yet.
    var isWithoutLease: Bool {
        state.withLock { $0.site.role == .primary && ($0.isWaiting || $0.isLeaseLost) }
    }

    /// Milliseconds for what is under way when this site may not write any more; nil: it still may.
    var stopMillisecondsMax: Int? {
        if isFenced { return 5_000 }
        return isWithoutLease ? (lease?.timing.stopping).map { Int($0) } : nil
    }

    /// Whether this site writes now, in the role that it has; a primary waits a moment for its lease.
    ///
    /// - Parameter demand: Ends the wait when it is raised.
    /// - Returns: false for a standby, a fenced site, and a primary that has to wait for the lease.
    func mayWrite(_ demand: SiteDemand) async -> Bool {
        let site = current
        guard let lease else { return site.role == .primary }
        switch site.role {
        case .primary: lease.aim(.hold(epoch: max(1, site.epoch), isForced: false))
        case .standby: lease.aim(.stand)
        case .fenced: lease.aim(.none)
        }
        guard site.role == .primary else {
            state.withLock { $0.isWaiting = false }
            return false
        }
        // Whoever has waited already answers queries meanwhile.
        let milliseconds =
            state.withLock { $0.isWaiting } ? 0 : Self.firstWaitMilliseconds
        let isHeld = await OwnThread.result(name: "waybill-lease-w") {
            lease.waitToWrite(milliseconds: milliseconds) { demand.isRaised }
        }
        if isHeld == true {
            state.withLock { $0.isWaiting = false }
            return true
        }
        state.withLock { $0.isWaiting = true }
        // It may have come between the two: then nobody has been told.
        guard !lease.permit.isOver else {
            logger.warning(
                "waiting for the lease: nothing is accepted or delivered",
                metadata: ["why": "\(lease.standing.problem ?? "etcd has not answered yet")"])
            return false
        }
        state.withLock { $0.isWaiting = false }
        return true
    }

    /// Milliseconds that a start waits for the lease before it answers queries without it.
    private static let firstWaitMilliseconds = 3_000

    private func leaseSituation() -> LeaseSite {
        let (site, view, last) = state.withLock { ($0.site, $0.view, $0.lastSituation) }
        var here = last ?? LeaseSite(name: name, node: node)
        here.address = reachableAddress(view)
        here.knownEpoch = max(here.knownEpoch, site.epoch)
        // Between two parts of the server what was last still holds.
        guard let view else { return here }
        let standing = view.standing()
        if standing.logID != nil {
            here.positionEpoch = standing.position.epoch
            here.sequence = standing.position.sequence
        }
        here.knownEpoch = max(here.knownEpoch, standing.knownEpoch)
        here.standbys = (view.standbys?() ?? []).filter(\.isConnected).map(\.site).sorted()
        here.obstacle = obstacle(site, standing, view.follower?())
        state.withLock { $0.lastSituation = here }
        return here
    }

    /// Where others reach this site; empty where only they can know: it listens on every address.
    private func reachableAddress(_ view: View?) -> String {
        settings?.reachable(boundPort: view?.port).map { "\($0)" } ?? ""
    }

    /// Where the other site that holds the lease is reached, as it has said itself.
    var holderAddress: SiteAddress? {
        guard let standing = lease?.standing, !standing.isHeld, let holder = standing.view?.holder,
            holder.site != name
        else { return nil }
        return WaybillConfiguration.siteAddress(holder.address)
    }

    /// Why this standby must not promote itself.
    private func obstacle(
        _ site: SiteState, _ standing: SiteStanding, _ follower: FollowerStatus?
    ) -> String? {
        guard site.role == .standby else { return "this site is no standby" }
        guard standing.logID != nil else { return "there is no log here yet" }
        guard let follower else { return "this site follows nobody" }
        if follower.isDiverged { return "the logs have gone different ways" }
        if follower.missing > 0 { return "segments were still to be fetched" }
        if settings?.delaySeconds ?? 0 > 0 { return "this standby stays behind by a delay" }
        if SystemClock.monotonicMilliseconds() < state.withLock({ $0.unrecordableUntil }) {
            return "a role cannot be recorded here; the server's log says why"
        }
        return demand.isRaised ? "a change of role is under way" : nil
    }

    private func leaseChanged(_ change: LeaseMachine.Change) {
        switch change {
        case .held:
            logger.notice("the lease is held", metadata: ["epoch": "\(current.epoch)"])
            if state.withLock({ $0.isWaiting }) {
                demand.raise(.otherRole("the lease is held"))
            }
        case .lost(let reason): leaseLost(reason)
        case .promoted(let epoch): takeLead(epoch)
        case .outranked(let epoch, let site): learned(epoch: epoch, from: site, isRival: true)
        }
    }

    /// Stops at once: another site may take the lease from its end on.
    private func leaseLost(_ reason: String) {
        let (isWriting, refuse) = state.withLock { state in
            let isWriting = state.site.role == .primary && !state.isWaiting
            if isWriting { state.isLeaseLost = true }
            return (isWriting, state.view?.refuseContent)
        }
        guard isWriting else { return }
        refuse?(reason)
        logger.critical(
            "the lease is lost: this site accepts and delivers nothing until it holds it again",
            metadata: ["reason": "\(reason)"])
        note("the lease was lost: \(reason)")
        demand.raise(.otherRole("the lease is lost: \(reason)"))
    }

    /// This standby has taken the lease that nobody held: it becomes the primary.
    private func takeLead(_ epoch: UInt32) {
        var before: SiteState?
        let new = SiteState(role: .primary, epoch: epoch)
        let isRecorded = change { site in
            guard site.role == .standby, site.epoch <= epoch else { return false }
            before = site
            site = new
            return true
        }
        guard isRecorded else {
            logger.error("the lease is given back: this site cannot be the primary")
            lease?.giveBack()
            return
        }
        guard demand.raise(.otherRole("the lease was taken: primary of epoch \(epoch)")) else {
            takeBack(new, before)
            lease?.giveBack()
            return
        }
        note("nobody held the lease any more: this site opened epoch \(epoch) by itself")
        logger.critical(
            "nobody holds the lease any more: this site takes over by itself",
            metadata: ["epoch": "\(epoch)"])
    }

    /// How the lease stands, for the report.
    func leaseReport(_ lease: LeaseKeeper, _ site: SiteState) -> SiteReport.Lease {
        let standing = lease.standing
        var report = SiteReport.Lease(isHeld: standing.isHeld)
        report.holder = standing.isHeld ? name : standing.view?.holder?.site ?? ""
        report.epoch = standing.isHeld ? site.epoch : standing.view?.token?.epoch ?? 0
        report.secondsLeft = standing.secondsLeft
        report.isAnswered = !standing.isSilent
        report.promotion = standing.isAutomatic ? .automatic : .manual
        if let problem = standing.witnessProblem {
            report.promotion = .refused
            report.promotionProblem = problem
        }
        report.problem =
            standing.isWithout
            ? "this site writes without a lease, by force"
                + (standing.problem.map { ": \($0)" } ?? "")
            : standing.problem
        return report
    }
}

extension OwnThread {
    /// Runs what blocks on a thread of its own.
    ///
    /// - Returns: What came of it; nil when the system gives no thread.
    static func result<Result: Sendable>(
        name: String, _ body: @escaping @Sendable () -> Result
    ) async -> Result? {
        await withCheckedContinuation { (continuation: CheckedContinuation<Result?, Never>) in
            let isStarted = start(name: name) { continuation.resume(returning: body()) }
            if !isStarted { continuation.resume(returning: nil) }
        }
    }
}
