import Testing

@testable import Replication

@Suite("The lease as a state machine, in virtual time")
struct LeaseMachineTests {
    /// One machine, and what a test does to it.
    struct Bench {
        var machine: LeaseMachine
        var here = LeaseSite(name: "vienna", node: "a:/data")
        var now: UInt64 = 1_000

        init(automatic: Bool = false, name: String = "vienna") {
            machine = LeaseMachine(
                timing: LeaseTiming(ttlMilliseconds: 10_000), lagMax: 100,
                isAutomatic: automatic)
            here.name = name
            here.node = name + ":/data"
            here.positionEpoch = 3
            here.knownEpoch = 3
            here.sequence = 500
        }

        /// What is asked now; nil when nothing is.
        mutating func ask() -> LeaseMachine.Request? {
            if case .ask(let request) = machine.step(now: now, here: here) { return request }
            return nil
        }

        /// What is asked now, which must be something.
        mutating func asked() throws -> LeaseMachine.Request {
            let request = ask()
            return try #require(request)
        }

        mutating func answer(
            _ request: LeaseMachine.Request, _ answer: LeaseMachine.Answer,
            after milliseconds: UInt64 = 5
        ) {
            let asked = now
            now += milliseconds
            machine.answered(request, answer, asked: asked, now: now, here: here)
        }

        /// Asks, which must be a look, and answers it.
        mutating func look(_ view: LeaseView) throws {
            let request = try asked()
            #expect(request == .look)
            answer(request, .view(view))
        }

        /// Holds the lease of an epoch.
        mutating func hold(epoch: UInt32 = 3) throws {
            machine.set(.hold(epoch: epoch, isForced: false), now: now)
            try look(LeaseView())
            let take = try asked()
            #expect(take == .take(epoch: epoch, holderRevision: 0, tokenRevision: 0))
            answer(take, .taken(lease: 77))
            #expect(machine.takeChanges() == [.held])
        }
    }

    static func view(
        holder: LeaseHolder? = nil, token: LeaseToken? = nil, candidates: [LeaseCandidate] = []
    ) -> LeaseView {
        var view = LeaseView()
        view.holder = holder
        view.holderRevision = holder == nil ? 0 : 40
        view.token = token
        view.tokenRevision = token == nil ? 0 : 41
        view.candidates = candidates
        return view
    }

    static func token(_ epoch: UInt32 = 3, _ site: String = "paris") -> LeaseToken {
        LeaseToken(epoch: epoch, site: site, sequence: 500, standbys: ["vienna"])
    }

    @Test("a site that wants nothing may write nothing, and only looks")
    func idle() throws {
        var bench = Bench()
        #expect(bench.ask() == .look)
        #expect(bench.machine.until == 0)
    }

    @Test("what may be written ends a margin before the lease, counted from the request")
    func margin() throws {
        var bench = Bench()
        try bench.hold()
        // Granted at 1,005 and asked at 1,005: 7 s of 10 s, whatever the answer's delay.
        #expect(bench.machine.until == 1_005 + 7_000)
        bench.now = bench.machine.until - 1
        bench.machine.tick(now: bench.now)
        #expect(bench.machine.isHeld)
        bench.now += 1
        bench.machine.tick(now: bench.now)
        #expect(!bench.machine.isHeld)
        #expect(bench.machine.until == 0)
        guard case .lost = bench.machine.takeChanges().first else {
            Issue.record("nobody was told")
            return
        }
    }

    @Test("renewals are sent every fifth of the lease, and count from when they were sent")
    func renewals() throws {
        var bench = Bench()
        try bench.hold()
        #expect(bench.machine.step(now: bench.now, here: bench.here) == .wait(until: 3_005))
        bench.now = 3_005
        let renew = try bench.asked()
        #expect(renew == .renew(lease: 77, epoch: 3, successor: ""))
        bench.answer(renew, .renewed, after: 900)
        #expect(bench.machine.until == 3_005 + 7_000)
        #expect(bench.machine.step(now: bench.now, here: bench.here) == .wait(until: 5_005))
    }

    @Test("a renewal that fails is tried again soon, and does not extend anything")
    func failedRenewals() throws {
        var bench = Bench()
        try bench.hold()
        let until = bench.machine.until
        bench.now = 3_005
        var tries = 0
        while bench.machine.isHeld {
            if let request = bench.ask() {
                tries += 1
                bench.answer(request, .failed("away"), after: 100)
            } else {
                bench.now += 10
                bench.machine.tick(now: bench.now)
            }
        }
        #expect(bench.now >= until && bench.now < until + 200)
        #expect(tries > 5)
        #expect(bench.machine.isSilent)
    }

    @Test("an answer that comes when the time is over changes nothing")
    func lateAnswer() throws {
        var bench = Bench()
        try bench.hold()
        bench.now = 7_000
        let renew = try bench.asked()
        // The process stood still, for longer than the lease.
        bench.answer(renew, .renewed, after: 60_000)
        #expect(!bench.machine.isHeld)
        #expect(bench.machine.until == 0)
        #expect(bench.ask() == .look)
    }

    @Test("a lease that was granted so late that it is over is given back, not used")
    func lateGrant() throws {
        var bench = Bench()
        bench.machine.set(.hold(epoch: 3, isForced: false), now: bench.now)
        try bench.look(LeaseView())
        let take = try bench.asked()
        bench.answer(take, .taken(lease: 5), after: 7_001)
        #expect(bench.machine.until == 0)
        #expect(bench.ask() == .release(lease: 5))
    }

    @Test("a renewal that etcd refuses ends it at once")
    func refusedRenewal() throws {
        var bench = Bench()
        try bench.hold()
        bench.now = 3_005
        let renew = try bench.asked()
        bench.answer(renew, .refused)
        #expect(bench.machine.until == 0)
        // Whoever was it may take it again when it is free.
        try bench.look(Self.view(token: Self.token(3, "vienna")))
        #expect(bench.ask() == .take(epoch: 3, holderRevision: 0, tokenRevision: 41))
    }

    @Test("whoever finds a higher epoch, or the same of another site, is outranked")
    func outranked() throws {
        for epoch in [3, 4] as [UInt32] {
            var bench = Bench()
            bench.machine.set(.hold(epoch: 3, isForced: true), now: bench.now)
            try bench.look(Self.view(token: Self.token(epoch, "berlin")))
            #expect(bench.machine.takeChanges() == [.outranked(epoch: epoch, site: "berlin")])
            #expect(bench.machine.until == 0)
        }
    }

    @Test("a lease that another site holds is waited for; its own, and one handed over, are taken")
    func holders() throws {
        let cases: [(LeaseHolder, Bool)] = [
            (LeaseHolder(site: "berlin", node: "b", epoch: 2), false),
            (LeaseHolder(site: "berlin", node: "b", epoch: 2, successor: "vienna"), true),
            (LeaseHolder(site: "vienna", node: "vienna:/data", epoch: 3), true),
            (LeaseHolder(site: "vienna", node: "another machine", epoch: 3), false),
        ]
        for (holder, isTaken) in cases {
            var bench = Bench()
            bench.machine.set(.hold(epoch: 3, isForced: false), now: bench.now)
            try bench.look(Self.view(holder: holder, token: Self.token(2, "berlin")))
            let next = bench.ask()
            #expect(
                next
                    == (isTaken ? .take(epoch: 3, holderRevision: 40, tokenRevision: 41) : nil))
        }
    }

    @Test("by force, without an answer: it writes without a lease, until it has one")
    func forced() throws {
        var bench = Bench()
        bench.machine.set(.hold(epoch: 3, isForced: true), now: bench.now)
        #expect(bench.machine.until == .max)
        let look = try bench.asked()
        bench.answer(look, .failed("away"))
        #expect(bench.machine.until == .max)
        bench.now += 500
        let holder = LeaseHolder(site: "berlin", node: "b", epoch: 2)
        try bench.look(Self.view(holder: holder, token: Self.token(2, "berlin")))
        let take = try bench.asked()
        bench.answer(take, .taken(lease: 9))
        let until = bench.machine.until
        #expect(until < 20_000)
        // From then on it is a lease as any other.
        bench.machine.tick(now: until)
        #expect(bench.machine.until == 0)
    }

    @Test("a standby says where its log ends, then takes what nobody holds")
    func standby() throws {
        var bench = Bench(automatic: true)
        bench.machine.set(.stand, now: bench.now)
        try bench.look(
            Self.view(
                holder: LeaseHolder(site: "paris", node: "p", epoch: 3), token: Self.token()))
        #expect(bench.ask() == nil)
        bench.now += 1_000
        try bench.look(Self.view(token: Self.token()))
        let publish = try bench.asked()
        let mine = LeaseCandidate(site: "vienna", epoch: 3, sequence: 500, campaign: 41)
        #expect(publish == .publish(mine))
        bench.answer(publish, .done)
        bench.now += 500
        try bench.look(Self.view(token: Self.token(), candidates: [mine]))
        let take = try bench.asked()
        #expect(take == .take(epoch: 4, holderRevision: 0, tokenRevision: 41))
        bench.answer(take, .taken(lease: 8))
        #expect(bench.machine.takeChanges() == [.promoted(epoch: 4)])
        bench.machine.set(.hold(epoch: 4, isForced: false), now: bench.now)
        #expect(bench.machine.isHeld)
        #expect(bench.ask() == .renew(lease: 8, epoch: 4, successor: ""))
    }

    @Test("a standby that is not to promote itself only says where its log ends")
    func manual() throws {
        var bench = Bench()
        bench.machine.set(.stand, now: bench.now)
        let mine = LeaseCandidate(
            site: "vienna", epoch: 3, sequence: 500, campaign: 41, stands: false)
        try bench.look(Self.view(token: Self.token(), candidates: [mine]))
        #expect(bench.ask() == nil)
        #expect(bench.machine.problem == "nobody holds the lease of epoch 3")
    }

    @Test(
        "a take whose answer was lost, or that was repeated on the way, is taken up again",
        arguments: [LeaseMachine.Answer.failed("cut off"), .refused])
    func lostAnswer(answer: LeaseMachine.Answer) throws {
        var bench = Bench(automatic: true)
        bench.machine.set(.stand, now: bench.now)
        let mine = LeaseCandidate(site: "vienna", epoch: 3, sequence: 500, campaign: 41)
        try bench.look(Self.view(token: Self.token(), candidates: [mine]))
        let take = try bench.asked()
        bench.answer(take, answer)
        bench.now += 1_000
        let holder = LeaseHolder(site: "vienna", node: "vienna:/data", epoch: 4)
        try bench.look(Self.view(holder: holder, token: Self.token(4, "vienna")))
        #expect(bench.ask() == .take(epoch: 4, holderRevision: 40, tokenRevision: 41))
    }

    @Test("a take that another site was faster with is not taken up again")
    func otherWasFaster() throws {
        var bench = Bench(automatic: true)
        bench.machine.set(.stand, now: bench.now)
        let mine = LeaseCandidate(site: "vienna", epoch: 3, sequence: 500, campaign: 41)
        try bench.look(Self.view(token: Self.token(), candidates: [mine]))
        bench.answer(try bench.asked(), .refused)
        bench.now += 1_000
        let holder = LeaseHolder(site: "berlin", node: "berlin:/data", epoch: 4)
        try bench.look(Self.view(holder: holder, token: Self.token(4, "berlin")))
        #expect(bench.ask() == nil)
    }

    @Test("what stands in a site's way stands in the way of an attempt that is taken up, too")
    func obstacleToAttempt() throws {
        var bench = Bench(automatic: true)
        bench.machine.set(.stand, now: bench.now)
        let mine = LeaseCandidate(site: "vienna", epoch: 3, sequence: 500, campaign: 41)
        try bench.look(Self.view(token: Self.token(), candidates: [mine]))
        bench.answer(try bench.asked(), .failed("cut off"))
        bench.here.obstacle = "the disk is read-only"
        bench.now += 1_000
        try bench.look(Self.view(token: Self.token(4, "vienna")))
        #expect(bench.ask() == nil)
        #expect(bench.machine.problem == "the disk is read-only")
        bench.here.obstacle = nil
        bench.now += 10_000
        try bench.look(Self.view(token: Self.token(4, "vienna")))
        #expect(bench.ask() == .take(epoch: 4, holderRevision: 0, tokenRevision: 41))
    }

    @Test("whoever gives the lease back at once does not take it again at once")
    func giveBack() throws {
        var bench = Bench(automatic: true)
        bench.machine.set(.stand, now: bench.now)
        let mine = LeaseCandidate(site: "vienna", epoch: 3, sequence: 500, campaign: 41)
        try bench.look(Self.view(token: Self.token(), candidates: [mine]))
        bench.answer(try bench.asked(), .taken(lease: 6))
        #expect(bench.machine.takeChanges() == [.promoted(epoch: 4)])
        bench.machine.giveBack(now: bench.now)
        let release = try bench.asked()
        #expect(release == .release(lease: 6))
        bench.answer(release, .done)
        #expect(bench.ask() == nil)
    }

    @Test("a site that is a standby again gives a lease back that it has taken meanwhile")
    func standsAgain() throws {
        var bench = Bench(automatic: true)
        bench.machine.set(.stand, now: bench.now)
        let mine = LeaseCandidate(site: "vienna", epoch: 3, sequence: 500, campaign: 41)
        try bench.look(Self.view(token: Self.token(), candidates: [mine]))
        bench.answer(try bench.asked(), .taken(lease: 6))
        bench.machine.set(.stand, now: bench.now)
        #expect(bench.ask() == .release(lease: 6))
        #expect(!bench.machine.isHeld)
    }

    @Test("until its log is read, a site that was started again enters what it had entered before")
    func entered() throws {
        var bench = Bench()
        (bench.here.positionEpoch, bench.here.sequence) = (0, 0)
        bench.machine.set(.hold(epoch: 3, isForced: false), now: bench.now)
        #expect(bench.machine.entered(bench.here).sequence == 0)
        var token = Self.token(3, "vienna")
        token.standbys = ["berlin", "rome"]
        try bench.look(Self.view(token: token))
        bench.answer(try bench.asked(), .taken(lease: 6))
        #expect(bench.machine.entered(bench.here).sequence == 500)
        #expect(bench.machine.entered(bench.here).standbys == ["berlin", "rome"])
        // Its log is open.
        (bench.here.positionEpoch, bench.here.sequence) = (3, 510)
        bench.here.standbys = ["rome"]
        #expect(bench.machine.entered(bench.here) == bench.here)
    }

    @Test("what another site's token says is not entered for this one")
    func othersToken() throws {
        var bench = Bench()
        (bench.here.positionEpoch, bench.here.sequence) = (0, 0)
        bench.machine.set(.hold(epoch: 4, isForced: true), now: bench.now)
        try bench.look(Self.view(token: Self.token(3, "paris")))
        #expect(bench.machine.entered(bench.here) == bench.here)
    }

    @Test("a take that came too late is taken up again")
    func lateTake() throws {
        var bench = Bench(automatic: true)
        bench.machine.set(.stand, now: bench.now)
        let mine = LeaseCandidate(site: "vienna", epoch: 3, sequence: 500, campaign: 41)
        try bench.look(Self.view(token: Self.token(), candidates: [mine]))
        let take = try bench.asked()
        bench.answer(take, .taken(lease: 6), after: 8_000)
        let release = try bench.asked()
        #expect(release == .release(lease: 6))
        bench.answer(release, .done)
        bench.now += 1_000
        try bench.look(Self.view(token: Self.token(4, "vienna")))
        #expect(bench.ask() == .take(epoch: 4, holderRevision: 0, tokenRevision: 41))
    }

    @Test("whoever gives the role up gives the lease up, unless it was handed over")
    func release() throws {
        var bench = Bench()
        try bench.hold()
        bench.machine.set(.stand, now: bench.now)
        #expect(bench.machine.until == 0)
        #expect(bench.ask() == .release(lease: 77))

        bench = Bench()
        try bench.hold()
        bench.machine.offer(to: "berlin", now: bench.now)
        #expect(!bench.machine.hasOffered(to: "berlin"))
        let renew = try bench.asked()
        #expect(renew == .renew(lease: 77, epoch: 3, successor: "berlin"))
        bench.answer(renew, .renewed)
        #expect(bench.machine.hasOffered(to: "berlin"))
        bench.machine.set(.stand, now: bench.now)
        #expect(bench.ask() == .look)
    }

    @Test("a higher epoch of the log is told with the next renewal")
    func higherEpoch() throws {
        var bench = Bench()
        try bench.hold()
        bench.here.positionEpoch = 6
        bench.now = 3_005
        #expect(bench.ask() == .renew(lease: 77, epoch: 6, successor: ""))
    }
}
