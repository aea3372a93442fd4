import ConfigurationFile
import EventLog
import HTTPAPI
import Logging
import Replication
import SmallFiles
import Synchronization

/// Keeps the site's role, and takes orders to change it.
///
/// A change of role is recorded first, durably; then the part of the server that runs is asked to end,
/// and the server goes on in the recorded role.
///
/// Concurrency: any thread.
final class SiteDesk: SiteControl {
    /// What the part of the server that runs now can tell.
    struct View: Sendable {
        var standing: @Sendable () -> SiteStanding
        var follower: (@Sendable () -> FollowerStatus)?
        /// See ``StandbySource/why``; nil where nobody is followed.
        var why: (@Sendable () -> String?)?
        var standbys: (@Sendable () -> [StandbyBoard.Entry])?
        /// What was acknowledged at which level; nil unless this site writes.
        var acks: (@Sendable () -> StandbyGate.Totals)?
        /// Queues an export's messages anew; nil unless this site writes.
        var salvage: (@Sendable (String, Bool) async throws -> SalvageOutcome)?
        /// What standbys still need; nil unless this site writes.
        var reserve: StandbyReserve?
        /// Takes no new message any more, at once; nil unless this site writes.
        var refuseContent: (@Sendable (String) -> Void)?
        /// Forgets a standby that is not connected; nil unless this site writes.
        var forget: (@Sendable (String) -> Bool)?
        /// Reads this site's log; nil while there is none.
        var reader: LogReader?
        /// The port that other sites reach; 0: none.
        var port = 0
    }

    struct State: Sendable {
        var site: SiteState
        /// A primary that does not hold the lease, and so only answers queries.
        var isWaiting = false
        /// The lease was lost while this part of the server wrote.
        var isLeaseLost = false
        /// For the lease, while no part of the server can tell.
        var lastSituation: LeaseSite?
        /// A role could not be recorded, and until then none is tried to be: monotonic milliseconds.
        var unrecordableUntil: UInt64 = 0
        var demand = SiteDemand()
        var view: View?
        /// What the last change came to, in words; empty: nothing to say.
        var note = ""
    }

    let state: Mutex<State>
    /// Held while a role is recorded, so that what is read and written belongs together.
    private let recording = Mutex(())
    private let path: String
    private let dataDirectory: String
    let logger: Logger
    let name: String
    /// The machine and data directory.
    let node: String
    /// Keeps the lease; nil: an operator says who is the primary.
    let lease: LeaseKeeper?
    let settings: ReplicationSettings?

    /// - Parameters:
    ///   - configuration: The server's.
    ///   - logger: Told of changes.
    /// - Throws: When the record of the role cannot be read.
    init(_ configuration: WaybillConfiguration, logger: Logger) throws {
        name = configuration.site
        settings = configuration.replication
        dataDirectory = configuration.dataDirectory
        path = SiteState.path(dataDirectory: dataDirectory)
        node = HostName.ofThisMachine() + ":" + TextFile.absolutePath(dataDirectory)
        lease = configuration.replication?.lease.map {
            LeaseKeeper($0, store: EtcdLeaseStore($0), logger: logger)
        }
        self.logger = logger
        let first = SiteState(role: settings?.standbyOf == nil ? .primary : .standby)
        let sites = configuration.replication
        let recorded = try SiteState.load(path).map { Self.taken($0, sites) }
        state = Mutex(State(site: recorded ?? first))
        if let recorded, recorded.role != first.role {
            logger.notice(
                "the recorded role is taken, not the configured one",
                metadata: ["role": "\(recorded.role.rawValue)", "file": "\(path)"])
        }
    }

    /// Whether another site has opened a higher epoch.
    var isFenced: Bool { current.role == .fenced }

    /// The role and epoch as recorded.
    var current: SiteState { state.withLock { $0.site } }

    /// The epoch that a primary writes at least; 0 where no other site is.
    var epochToWrite: UInt32 { current.epoch }

    /// A new part of the server begins.
    func begin() -> SiteDemand {
        state.withLock { state in
            state.demand = SiteDemand()
            state.view = nil
            // Until the lease is held again.
            if state.isLeaseLost { state.isWaiting = true }
            state.isLeaseLost = false
            return state.demand
        }
    }

    /// What the part that runs can tell; nil when it ends.
    func show(_ view: View?) { state.withLock { $0.view = view } }

    /// What the part that runs now can tell.
    var view: View? { state.withLock { $0.view } }

    /// What a change came to, for the status.
    func note(_ text: String) { state.withLock { $0.note = text } }

    /// The first event that a standby needs; nil when none needs any.
    ///
    /// - Throws: When the log cannot be read.
    func firstNeeded(in log: LogReader) throws(EventLogError) -> UInt64? {
        try state.withLock { $0.view?.reserve }?.firstNeeded(in: log)
    }

    var demand: SiteDemand { state.withLock { $0.demand } }

    /// Records a role.
    ///
    /// - Throws: When it cannot be recorded; the old one stays.
    func record(_ new: SiteState) throws(SmallFileError) {
        try recording.withLock { _ throws(SmallFileError) in try save(new) }
    }

    private func save(_ new: SiteState) throws(SmallFileError) {
        guard settings != nil || SmallFile.exists(path) else { return }
        try new.save(path)
        state.withLock { $0.site = new }
    }

    /// Changes what is recorded, as it stands at that moment.
    ///
    /// - Parameter body: Changes it; false: nothing is to be recorded.
    /// - Returns: Whether it stands there.
    func change(_ body: (inout SiteState) -> Bool) -> Bool {
        recording.withLock { _ in
            var site = current
            guard body(&site) else { return false }
            do {
                try save(site)
                return true
            } catch {
                logger.error("the role cannot be recorded", metadata: ["reason": "\(error)"])
                return false
            }
        }
    }

    /// Records again what was before a role that came to nothing, unless something else has been recorded
    /// since.
    func takeBack(_ recorded: SiteState, _ before: SiteState?) {
        guard let before else { return }
        _ = change { site in
            guard site == recorded else { return false }
            site = before
            return true
        }
    }

    /// Records a role in place of the one that was looked at.
    ///
    /// - Returns: Whether it was still that one.
    /// - Throws: When it cannot be recorded; the old one stays.
    private func exchange(
        _ site: SiteState, for new: SiteState
    ) throws(SmallFileError) -> Bool {
        try recording.withLock { _ throws(SmallFileError) in
            guard current == site else { return false }
            try save(new)
            return true
        }
    }

    /// The epoch that the log's writer has opened.
    func opened(epoch: UInt32) throws(SmallFileError) {
        try recording.withLock { _ throws(SmallFileError) in
            var new = current
            guard epoch > new.epoch || !SmallFile.exists(path) else { return }
            new.epoch = max(epoch, new.epoch)
            try save(new)
        }
    }

    /// A higher epoch is open at another site: a primary stops, for it may write no more.
    ///
    /// - Parameters:
    ///   - epoch: It.
    ///   - site: Where.
    ///   - isRival: It was opened there under the lease, so this site has none of the same number.
    func learned(epoch: UInt32, from site: String, isRival: Bool = false) {
        guard epoch <= ReplicationLimits.epochMax else {
            logger.error(
                "an epoch that cannot be is passed over",
                metadata: ["epoch": "\(epoch)", "site": "\(site)"])
            return
        }
        let wasPrimary = recording.withLock { _ in
            var new = current
            guard epoch > new.epoch || (isRival && epoch == new.epoch) else { return false }
            let wasPrimary = new.role == .primary
            new.epoch = epoch
            if wasPrimary { new.role = .fenced }
            do {
                try save(new)
            } catch {
                logger.error("the new epoch cannot be recorded", metadata: ["reason": "\(error)"])
                state.withLock { $0.site = new }
            }
            return wasPrimary
        }
        guard wasPrimary else { return }
        // Before anything else: sessions under way must not be acknowledged any more.
        state.withLock { $0.view?.refuseContent }?("epoch \(epoch) is open at \(site)")
        logger.critical(
            "fenced: a higher epoch is open at another site; this one accepts and delivers nothing",
            metadata: ["epoch": "\(epoch)", "site": "\(site)"])
        demand.raise(.otherRole("epoch \(epoch) is open at \(site)"))
    }

    func report() -> SiteReport {
        let (site, view, note) = state.withLock { ($0.site, $0.view, $0.note) }
        let role = isWithoutLease ? SiteReport.waiting : site.role.rawValue
        var report = SiteReport(site: name, role: role, epoch: site.epoch)
        report.drill = DrillRecord.last(data: dataDirectory)
        report.note = note
        report.lease = lease.map { leaseReport($0, site) }
        if let listen = settings?.listen {
            // Not bound yet: the one that is configured.
            let port = view?.port ?? 0
            report.listen = "\(SiteAddress(host: listen.host, port: port > 0 ? port : listen.port))"
        }
        guard let view else { return report }
        let standing = view.standing()
        report.logID = hex(standing.logID ?? [])
        report.sequence = standing.position.sequence
        report.positionEpoch = standing.position.epoch
        report.chainHash = hex(standing.position.chainHash)
        report.epoch = max(site.epoch, standing.knownEpoch)
        report.primary = (view.follower?()).map { primary($0, why: view.why?() ?? nil) }
        report.acks = view.acks?()
        report.standbys = (view.standbys?() ?? []).map { entry in
            let sequence = entry.position?.sequence ?? 0
            return SiteReport.Standby(
                site: entry.site, peer: entry.peer, isConnected: entry.isConnected,
                sequence: sequence,
                lagEvents: report.sequence > sequence ? report.sequence - sequence : 0,
                lastSeen: entry.lastSeen, sentOctets: entry.sentOctets,
                isGivenUp: entry.isGivenUp)
        }
        return report
    }

    private func primary(_ status: FollowerStatus, why: String?) -> SiteReport.Primary {
        var primary = SiteReport.Primary(address: status.address)
        primary.choice = choice.rawValue
        primary.why = choiceText + (why ?? "")
        primary.isReached = status.hasReached
        primary.retryMilliseconds = status.isConnected ? nil : status.retryMilliseconds
        primary.site = status.site
        primary.isConnected = status.isConnected
        primary.sequence = status.end?.sequence
        primary.lagEvents = status.lagEvents
        primary.lagMicroseconds = status.lagMicroseconds(now: SystemClock.microseconds())
        primary.consistentAsOf = status.consistentAsOf
        primary.fetching = status.fetching
        primary.receivedOctets = status.receivedOctets
        primary.problem = status.problem
        primary.isDiverged = status.isDiverged
        return primary
    }
}

extension SiteDesk {
    private func forget(
        _ name: String, _ view: View?, _ site: SiteState, isDryRun: Bool
    ) throws(SiteRefusal) -> SiteOutcome {
        let entry = (view?.standbys?() ?? []).first { $0.site == name }
        guard let forget = view?.forget, let entry else {
            throw SiteRefusal("No standby of this site has the name \"\(name)\".")
        }
        guard !entry.isConnected else {
            throw SiteRefusal("\(name) is connected: stop it first.")
        }
        let isDone = isDryRun ? false : forget(name)
        return SiteOutcome(
            isChange: isDone, role: site.role.rawValue, epoch: site.epoch,
            steps: ["keep nothing of the log for \(name) any more"])
    }

    func salvage(
        _ directory: String, isDryRun: Bool
    ) async throws(SiteRefusal) -> SalvageOutcome {
        guard let salvage = state.withLock({ $0.view?.salvage }) else {
            throw SiteRefusal("Messages are queued anew at the primary; this site is none.")
        }
        do {
            return try await salvage(directory, isDryRun)
        } catch let error as SiteRefusal {
            throw error
        } catch {
            throw SiteRefusal("\(directory) cannot be salvaged: \(error)")
        }
    }

    func carryOut(
        _ order: SiteOrder, isDryRun: Bool
    ) throws(SiteRefusal) -> SiteOutcome {
        guard settings != nil else {
            throw SiteRefusal(
                "This server knows no other sites: add replication to its configuration.")
        }
        let (site, view) = state.withLock { ($0.site, $0.view) }
        if case .forget(let name) = order {
            return try forget(name, view, site, isDryRun: isDryRun)
        }
        // What is recorded may be ahead of the part that runs, which is still ending.
        if demand.isRaised { throw anotherChange }
        let plan = try SitePlan.make(
            order, site: site, standing: view?.standing(), follower: view?.follower?(),
            standbys: view?.standbys?() ?? [], lease: lease?.standing)
        guard !isDryRun, let change = plan.change else { return plan.outcome }
        if let recorded = change.record {
            let isRecorded: Bool
            do throws(SmallFileError) {
                isRecorded = try exchange(site, for: recorded)
            } catch {
                throw SiteRefusal("The role cannot be recorded: \(error)")
            }
            guard isRecorded else { throw anotherChange }
        }
        if case .promote(force: true) = order { lease?.force(true) }
        guard demand.raise(change.demand) else {
            // What is under way decides the role.
            if let recorded = change.record { takeBack(recorded, site) }
            lease?.force(false)
            throw anotherChange
        }
        logger.notice(
            "change of role", metadata: ["steps": "\(plan.outcome.steps.joined(separator: "; "))"])
        return plan.outcome
    }

    /// Only one part of the server runs at a time, and this one is about to end.
    private var anotherChange: SiteRefusal {
        SiteRefusal("Another change is under way: \(demand.reason).", isTemporary: true)
    }
}
