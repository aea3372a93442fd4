import ConfigurationFile
import EventLog
import HTTPAPI
import Replication

/// What an order for a site comes to, without I/O: what would be recorded, and what asked of the part
/// of the server that runs.
///
/// Concurrency: value.
struct SitePlan: Hashable, Sendable {
    /// What changes.
    struct Change: Hashable, Sendable {
        /// Recorded before anything else.
        var record: SiteState?
        /// Then raised.
        var demand: SiteDemand.Kind
    }

    var outcome: SiteOutcome
    /// nil: there is nothing to do.
    var change: Change?

    /// Plans an order.
    ///
    /// - Parameters:
    ///   - order: What is wanted.
    ///   - site: The role and epoch as recorded.
    ///   - standing: Where the log stands; nil while it is not open.
    ///   - follower: Of a standby.
    ///   - standbys: Of a primary.
    ///   - lease: How the lease stands; nil where there is none.
    /// - Returns: The plan.
    /// - Throws: Why it cannot be.
    static func make(
        _ order: SiteOrder, site: SiteState, standing: SiteStanding?,
        follower: FollowerStatus?, standbys: [StandbyBoard.Entry], lease: LeaseStanding? = nil
    ) throws(SiteRefusal) -> SitePlan {
        switch order {
        case .promote(let force):
            try promote(site, standing, follower, lease, force: force)
        case .demote(let text):
            try demote(site, standing, to: text)
        case .switchover(let name):
            try switchover(site, standbys, to: name)
        case .rejoin(let text):
            try rejoin(site, to: text)
        case .forget:
            nothing(site, "a standby is forgotten without a plan")
        }
    }

    private static func nothing(_ site: SiteState, _ why: String) -> SitePlan {
        SitePlan(
            outcome: SiteOutcome(
                isChange: false, role: site.role.rawValue, epoch: site.epoch, steps: [why]))
    }

    private static func promote(
        _ site: SiteState, _ standing: SiteStanding?, _ follower: FollowerStatus?,
        _ lease: LeaseStanding?, force: Bool
    ) throws(SiteRefusal) -> SitePlan {
        if site.role == .primary, !force {
            return nothing(site, "this site is the primary already, epoch \(site.epoch)")
        }
        guard let standing, standing.logID != nil else {
            throw SiteRefusal("There is no log here yet to go on with.")
        }
        if site.role == .fenced, !force {
            throw SiteRefusal(
                "This site was fenced by epoch \(site.epoch): another one is the primary. Let it rejoin "
                    + "(waybill site rejoin), or use --force if the other site is gone for good.")
        }
        if follower?.isConnected == true, !force {
            throw SiteRefusal(
                "The primary answers. Use waybill site switchover there, which loses nothing, or --force "
                    + "to fence it.")
        }
        if let missing = follower?.missing, missing > 0, !force {
            throw SiteRefusal(
                "\(missing) segment(s) were still to be fetched, so much of the log is missing here. Use "
                    + "--force to go on without it.")
        }
        if let lease, !force { try checkLease(lease) }
        let token = lease?.view?.token?.epoch ?? 0
        let epoch = max(site.epoch, standing.knownEpoch, standing.position.epoch, token) + 1
        var steps = [
            site.role == .primary
                ? "accept no more mail for a moment, let transactions under way finish"
                : "stop following \(follower.map { $0.site.isEmpty ? $0.address : $0.site } ?? "anybody")",
            "record that this site is the primary of epoch \(epoch)",
            "open epoch \(epoch) behind sequence \(standing.position.sequence), then accept and deliver",
            "tell the other sites, as soon as they answer, that epoch \(epoch) is open",
        ]
        if let lease {
            steps.insert(
                lease.isSilent
                    ? "write without a lease until etcd answers, then take it"
                    : "take the lease in etcd"
                        + (lease.otherHolder.map { " away from \($0)" } ?? ""),
                at: steps.count - 2)
        }
        if let follower, follower.lagEvents > 0 {
            steps.insert(
                "give up \(follower.lagEvents) event(s) that the primary had and this site has not: they "
                    + "are kept there, and salvaged when it rejoins", at: 1)
        }
        return SitePlan(
            outcome: SiteOutcome(
                isChange: true, role: SiteRole.primary.rawValue, epoch: epoch, steps: steps),
            change: Change(
                record: SiteState(role: .primary, epoch: epoch),
                demand: .otherRole("promoted to primary of epoch \(epoch)")))
    }

    /// Another site may be writing as long as its lease stands, or nobody can tell.
    private static func checkLease(_ lease: LeaseStanding) throws(SiteRefusal) {
        if lease.isHeld { return }
        if lease.isSilent {
            throw SiteRefusal(
                "etcd does not answer\(lease.problem.map { " (\($0))" } ?? ""), so whether another site "
                    + "holds the lease cannot be told. If none writes any more, use --force: this site "
                    + "then writes without a lease until etcd answers.")
        }
        if let holder = lease.otherHolder {
            throw SiteRefusal(
                "\(holder) holds the lease. It ends a few seconds after that site has stopped; or use "
                    + "waybill site switchover there, or --force to take the lease away.")
        }
    }

    private static func demote(
        _ site: SiteState, _ standing: SiteStanding?, to text: String
    ) throws(SiteRefusal) -> SitePlan {
        if site.role == .standby { return nothing(site, "this site is a standby already") }
        guard site.role == .primary else {
            throw SiteRefusal("This site is fenced: let it rejoin (waybill site rejoin).")
        }
        let address = try address(text)
        return SitePlan(
            outcome: SiteOutcome(
                isChange: true, role: SiteRole.standby.rawValue, epoch: site.epoch,
                steps: [
                    "accept no more mail, let transactions under way finish",
                    "record that this site is a standby of \(address)",
                    "follow \(address) from sequence \(standing?.position.sequence ?? 0) on",
                ]),
            change: Change(
                record: SiteState(role: .standby, epoch: site.epoch, follows: "\(address)"),
                demand: .otherRole("demoted to a standby of \(address)")))
    }

    private static func switchover(
        _ site: SiteState, _ standbys: [StandbyBoard.Entry], to name: String
    ) throws(SiteRefusal) -> SitePlan {
        guard site.role == .primary else {
            throw SiteRefusal(
                "This site is no primary. Order the switchover at the primary, to this site.")
        }
        let connected = standbys.filter(\.isConnected)
        guard let standby = connected.first(where: { name.isEmpty || $0.site == name }) else {
            let known = connected.map(\.site).joined(separator: ", ")
            throw SiteRefusal(
                name.isEmpty || known.isEmpty
                    ? "No standby is connected." : "\(name) is not connected; connected: \(known).")
        }
        guard !name.isEmpty || connected.count == 1 else {
            throw SiteRefusal(
                "Say which standby takes over: "
                    + connected.map(\.site).joined(separator: ", ") + ".")
        }
        return SitePlan(
            outcome: SiteOutcome(
                isChange: true, role: SiteRole.standby.rawValue, epoch: site.epoch + 1,
                steps: [
                    "accept no more mail (421), let transactions under way finish",
                    "wait until \(standby.site) has everything",
                    "hand over: \(standby.site) opens epoch \(site.epoch + 1)",
                    "follow \(standby.site)",
                ]),
            change: Change(record: nil, demand: .switchover(standby.site)))
    }

    private static func rejoin(
        _ site: SiteState, to text: String
    ) throws(SiteRefusal) -> SitePlan {
        guard site.role != .primary else {
            throw SiteRefusal(
                "This site is a primary. If another one is too, promote that one again or demote this "
                    + "one (waybill site demote).")
        }
        let address = try address(text)
        return SitePlan(
            outcome: SiteOutcome(
                isChange: true, role: SiteRole.standby.rawValue, epoch: site.epoch,
                steps: [
                    "ask \(address) where the two logs parted",
                    "export what only this site has, whole and readable, below salvage/",
                    "cut it off here",
                    "follow \(address)",
                ]),
            change: Change(record: nil, demand: .rejoin(address)))
    }

    private static func address(_ text: String) throws(SiteRefusal) -> SiteAddress {
        guard let address = WaybillConfiguration.siteAddress(text) else {
            throw SiteRefusal("Say which site to follow, HOST:PORT: \"\(text)\" is no address.")
        }
        return address
    }
}
