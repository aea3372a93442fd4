import Testing

@testable import Replication

@Suite("Which standby takes over by itself")
struct LeaseElectionTests {
    static func view(
        _ standbys: [String], sequence: UInt64 = 500, _ said: [(String, UInt64)] = []
    ) -> LeaseView {
        var view = LeaseView()
        view.token = LeaseToken(
            epoch: 3, site: "paris", sequence: sequence, standbys: standbys)
        view.tokenRevision = 9
        view.candidates = said.map {
            LeaseCandidate(site: $0.0, epoch: 3, sequence: $0.1, campaign: 9)
        }
        return view
    }

    static func judge(
        _ view: LeaseView, sequence: UInt64 = 500, epoch: UInt32 = 3, obstacle: String? = nil,
        lagMax: UInt64 = 100
    ) -> LeaseElection.Verdict {
        var here = LeaseSite(name: "berlin", node: "b")
        here.positionEpoch = epoch
        here.knownEpoch = epoch
        here.sequence = sequence
        here.obstacle = obstacle
        return LeaseElection.judge(view, here, lagMax: lagMax)
    }

    static func waits(_ verdict: LeaseElection.Verdict) -> Bool {
        if case .waits = verdict { true } else { false }
    }

    @Test("the only one that followed stands, up to a lag")
    func alone() {
        #expect(Self.judge(Self.view(["berlin"])) == .stands(epoch: 4))
        #expect(Self.judge(Self.view(["berlin"]), sequence: 400) == .stands(epoch: 4))
        #expect(Self.waits(Self.judge(Self.view(["berlin"]), sequence: 399)))
        #expect(Self.judge(Self.view(["berlin"]), sequence: 700) == .stands(epoch: 4))
    }

    @Test("one that did not follow at the end must have everything")
    func notFollowing() {
        #expect(Self.judge(Self.view([])) == .stands(epoch: 4))
        #expect(Self.waits(Self.judge(Self.view([]), sequence: 499)))
    }

    @Test("all that followed must have said where their logs end, and none may have more")
    func several() {
        let both = ["berlin", "cleo"]
        #expect(Self.waits(Self.judge(Self.view(both))))
        #expect(Self.judge(Self.view(both, [("cleo", 499)])) == .stands(epoch: 4))
        #expect(Self.waits(Self.judge(Self.view(both, [("cleo", 501)]))))
        // The same: the earlier name.
        #expect(Self.judge(Self.view(both, [("cleo", 500)])) == .stands(epoch: 4))
        #expect(Self.waits(Self.judge(Self.view(["berlin", "anna"], [("anna", 500)]))))
        // The same, of one that waits for an order.
        var still = Self.view(["berlin", "anna"], [("anna", 500)])
        still.candidates[0].stands = false
        #expect(Self.judge(still) == .stands(epoch: 4))
        // One that did not follow, and has more all the same.
        #expect(Self.waits(Self.judge(Self.view(["berlin"], [("oslo", 501)]))))
        // What was said in an earlier reign does not count.
        var old = Self.view(both, [("cleo", 400)])
        old.candidates[0].campaign = 8
        #expect(Self.waits(Self.judge(old)))
    }

    @Test("without the reign, with an obstacle, or after an order, it waits")
    func never() {
        #expect(Self.waits(Self.judge(Self.view(["berlin"]), epoch: 2)))
        #expect(Self.waits(Self.judge(Self.view(["berlin"]), obstacle: "diverged")))
        var own = Self.view(["berlin"])
        own.token?.site = "berlin"
        #expect(Self.waits(Self.judge(own)))
        #expect(Self.waits(Self.judge(LeaseView())))
    }

    @Test("a witness has three voting members at three places")
    func witness() {
        func members(_ hosts: [String], learners: Int = 0) -> [LeaseWitness.Member] {
            hosts.enumerated().map {
                LeaseWitness.Member(isLearner: $0.offset < learners, hosts: [$0.element])
            }
        }
        #expect(LeaseWitness.problem(members(["a", "b", "c"])) == nil)
        #expect(LeaseWitness.problem(members(["a", "b", "c", "c", "a"])) == nil)
        #expect(LeaseWitness.problem(members(["a"]))?.contains("1 voting member") == true)
        #expect(LeaseWitness.problem(members(["a", "b", "b"]))?.contains("2 host") == true)
        #expect(LeaseWitness.problem(members(["a", "b", "c"], learners: 1)) != nil)
    }
}
