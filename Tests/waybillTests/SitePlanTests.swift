import EventLog
import HTTPAPI
import Testing

@testable import Replication
@testable import waybill

@Suite("What an order for a site comes to")
struct SitePlanTests {
    static func standing(_ sequence: UInt64 = 100, epoch: UInt32 = 3) -> SiteStanding {
        SiteStanding(
            site: "here", logID: [UInt8](repeating: 1, count: 16),
            position: Position(
                epoch: epoch, sequence: sequence, chainHash: [UInt8](repeating: 2, count: 32)),
            knownEpoch: epoch, isPrimary: false)
    }

    static func follower(connected: Bool, lag: UInt64 = 0, missing: Int = 0) -> FollowerStatus {
        var status = FollowerStatus(address: "192.0.2.1:7025")
        status.site = "there"
        status.isConnected = connected
        status.missing = missing
        status.position = standing().position
        status.end = status.position
        status.end?.sequence += lag
        return status
    }

    static func standby(_ name: String, connected: Bool = true) -> StandbyBoard.Entry {
        StandbyBoard.Entry(
            site: name, peer: "192.0.2.2:1", address: "192.0.2.2:7025", isConnected: connected,
            position: nil, lastSeen: 0, sentOctets: 0)
    }

    static func plan(
        _ order: SiteOrder, _ role: SiteRole, epoch: UInt32 = 3,
        standing: SiteStanding? = standing(),
        follower: FollowerStatus? = nil, standbys: [StandbyBoard.Entry] = []
    ) throws(SiteRefusal) -> SitePlan {
        try SitePlan.make(
            order, site: SiteState(role: role, epoch: epoch), standing: standing,
            follower: follower, standbys: standbys)
    }

    @Test("a standby that lost its primary opens the epoch behind every one that is known")
    func promote() throws {
        let plan = try Self.plan(
            .promote(force: false), .standby, epoch: 7, follower: Self.follower(connected: false))
        #expect(plan.outcome.isChange)
        #expect(plan.outcome.epoch == 8)
        #expect(plan.change?.record == SiteState(role: .primary, epoch: 8))
        let behind = try Self.plan(
            .promote(force: false), .standby,
            follower: Self.follower(connected: false, lag: 12))
        #expect(behind.outcome.epoch == 4)
        #expect(behind.outcome.steps.contains { $0.contains("give up 12 event(s)") })
    }

    @Test("a primary that is promoted again has nothing to do")
    func promoteTwice() throws {
        let plan = try Self.plan(.promote(force: false), .primary)
        #expect(!plan.outcome.isChange)
        #expect(plan.change == nil)
    }

    @Test("a primary that has a rival of the same epoch opens the next one when forced to")
    func promoteRival() throws {
        let plan = try Self.plan(.promote(force: true), .primary)
        #expect(plan.change?.record == SiteState(role: .primary, epoch: 4))
    }

    @Test("a promotion that would lose something wants force")
    func promoteWithForce() throws {
        let cases: [(SiteRole, FollowerStatus?)] = [
            (.standby, Self.follower(connected: true)),
            (.standby, Self.follower(connected: false, missing: 3)), (.fenced, nil),
        ]
        for (role, follower) in cases {
            #expect(throws: SiteRefusal.self) {
                _ = try Self.plan(.promote(force: false), role, follower: follower)
            }
            let forced = try Self.plan(.promote(force: true), role, follower: follower)
            #expect(forced.change?.record?.role == .primary)
        }
        #expect(throws: SiteRefusal.self) {
            _ = try Self.plan(.promote(force: true), .standby, standing: nil)
        }
    }

    @Test("a switchover wants one standby that is connected")
    func switchover() throws {
        let plan = try Self.plan(
            .switchover(to: ""), .primary,
            standbys: [Self.standby("a"), Self.standby("b", connected: false)])
        #expect(plan.change?.demand == .switchover("a"))
        // The role is recorded when the standby has taken over, not before.
        #expect(plan.change?.record == nil)
        for (name, standbys) in [
            ("", []), ("", [Self.standby("a"), Self.standby("b")]), ("c", [Self.standby("a")]),
            ("b", [Self.standby("b", connected: false)]),
        ] as [(String, [StandbyBoard.Entry])] {
            #expect(throws: SiteRefusal.self) {
                _ = try Self.plan(.switchover(to: name), .primary, standbys: standbys)
            }
        }
        #expect(throws: SiteRefusal.self) { _ = try Self.plan(.switchover(to: ""), .standby) }
    }

    @Test("a primary demotes itself, a standby is one, a fenced site rejoins")
    func demote() throws {
        let plan = try Self.plan(.demote(follow: "192.0.2.9:7025"), .primary)
        #expect(
            plan.change?.record == SiteState(role: .standby, epoch: 3, follows: "192.0.2.9:7025"))
        #expect(try Self.plan(.demote(follow: "192.0.2.9:7025"), .standby).change == nil)
        #expect(throws: SiteRefusal.self) {
            _ = try Self.plan(.demote(follow: "192.0.2.9:7025"), .fenced)
        }
        #expect(throws: SiteRefusal.self) { _ = try Self.plan(.demote(follow: "x"), .primary) }
        let rejoin = try Self.plan(.rejoin(follow: "192.0.2.9:7025"), .fenced)
        #expect(rejoin.change?.demand == .rejoin(SiteAddress(host: "192.0.2.9", port: 7025)))
        #expect(throws: SiteRefusal.self) {
            _ = try Self.plan(.rejoin(follow: "192.0.2.9:7025"), .primary)
        }
    }

    static func leasedPlan(
        _ lease: LeaseStanding, force: Bool = false
    ) throws(SiteRefusal) -> SitePlan {
        try SitePlan.make(
            .promote(force: force), site: SiteState(role: .standby, epoch: 3),
            standing: standing(), follower: follower(connected: false), standbys: [],
            lease: lease)
    }

    static func lease(holder: String?, token: UInt32 = 3, isSilent: Bool = false) -> LeaseStanding {
        var view = LeaseView()
        view.holder = holder.map { LeaseHolder(site: $0, node: $0, epoch: token) }
        view.token = LeaseToken(epoch: token, site: "there", sequence: 1, standbys: [])
        return LeaseStanding(
            isHeld: false, isSilent: isSilent, view: isSilent ? nil : view, problem: nil)
    }

    @Test("a lease that is free is taken, with an epoch above the highest that was opened under it")
    func promoteWithFreeLease() throws {
        let plan = try Self.leasedPlan(Self.lease(holder: nil, token: 9))
        #expect(plan.change?.record == SiteState(role: .primary, epoch: 10))
        #expect(plan.outcome.steps.contains("take the lease in etcd"))
    }

    @Test("a lease that another site holds, or that nobody can tell of, wants force")
    func promoteWithoutLease() throws {
        for lease in [
            Self.lease(holder: "there"), Self.lease(holder: nil, isSilent: true),
        ] {
            #expect(throws: SiteRefusal.self) { _ = try Self.leasedPlan(lease) }
            #expect(try Self.leasedPlan(lease, force: true).outcome.epoch == 4)
        }
        let taken = try Self.leasedPlan(Self.lease(holder: "there"), force: true)
        #expect(taken.outcome.steps.contains("take the lease in etcd away from there"))
    }
}
