import Testing

@testable import Replication

/// etcd as the machines see it, in virtual time.
struct ModelEtcd {
    private var revision: Int64 = 1
    private var lastLease: Int64 = 0
    private var leases: [Int64: UInt64] = [:]
    private var holder: (value: LeaseHolder, revision: Int64, lease: Int64)?
    private var token: (value: LeaseToken, revision: Int64)?
    private var candidates: [String: LeaseCandidate] = [:]
    let ttl: UInt64

    init(ttl: UInt64) { self.ttl = ttl }

    var standbys: [String] { token?.value.standbys ?? [] }

    mutating func carryOut(
        _ request: LeaseMachine.Request, _ here: LeaseSite, now: UInt64
    ) -> LeaseMachine.Answer {
        leases = leases.filter { $0.value > now }
        if let lease = holder?.lease, leases[lease] == nil { holder = nil }
        switch request {
        case .look:
            var view = LeaseView()
            (view.holder, view.holderRevision) = (holder?.value, holder?.revision ?? 0)
            (view.token, view.tokenRevision) = (token?.value, token?.revision ?? 0)
            view.candidates = Array(candidates.values)
            return .view(view)
        case .take(let epoch, let holderRevision, let tokenRevision):
            guard holder?.revision ?? 0 == holderRevision, token?.revision ?? 0 == tokenRevision
            else { return .refused }
            lastLease += 1
            leases[lastLease] = now + ttl
            put(epoch, "", lastLease, here)
            return .taken(lease: lastLease)
        case .renew(let lease, let epoch, let successor):
            guard leases[lease] != nil else { return .refused }
            leases[lease] = now + ttl
            guard holder?.lease == lease else { return .refused }
            put(epoch, successor, lease, here)
            return .renewed
        case .publish(let candidate):
            candidates[candidate.site] = candidate
            return .done
        case .release(let lease):
            leases[lease] = nil
            if holder?.lease == lease { holder = nil }
            return .done
        }
    }

    private mutating func put(
        _ epoch: UInt32, _ successor: String, _ lease: Int64, _ here: LeaseSite
    ) {
        revision += 1
        let holder = LeaseHolder(
            site: here.name, node: here.node, epoch: epoch, successor: successor)
        self.holder = (holder, revision, lease)
        token = (
            LeaseToken(
                epoch: epoch, site: here.name, sequence: here.sequence, standbys: here.standbys),
            revision
        )
    }
}

/// A few numbers that look like chance, the same in every run.
struct Chance {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

    mutating func below(_ bound: UInt64) -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state % bound
    }
}

/// Three sites and etcd: requests that take their time or are lost, sites that stand still, clocks that
/// do not run alike, links that are cut.
struct LeaseSimulation {
    struct Site {
        var machine: LeaseMachine
        var here: LeaseSite
        var isPrimary: Bool
        /// Its clock runs so many thousandths as fast as the time.
        var rate: UInt64
        var pausedUntil: UInt64 = 0
        var cutUntil: UInt64 = 0
        var flight: Flight?

        func clock(_ time: UInt64) -> UInt64 { 5_000 + time * rate / 1_000 }
        func writes(_ time: UInt64) -> Bool { isPrimary && clock(time) < machine.until }
    }

    struct Flight {
        var request: LeaseMachine.Request
        var here: LeaseSite
        var asked: UInt64
        /// When etcd sees it; then when the answer is here.
        var arrives: UInt64
        var returns: UInt64
        var isLost: Bool
        var answer: LeaseMachine.Answer?
    }

    var etcd = ModelEtcd(ttl: 10_000)
    var sites: [Site] = []
    var time: UInt64 = 0
    var chance: Chance
    /// What was acknowledged because a standby had it.
    var acknowledged: UInt64 = 0
    var epochs: [UInt32] = []
    var problems: [String] = []

    init(seed: UInt64) {
        chance = Chance(seed)
        for (index, name) in ["anna", "bert", "cleo"].enumerated() {
            var machine = LeaseMachine(
                timing: LeaseTiming(ttlMilliseconds: 10_000), lagMax: 1_000_000,
                isAutomatic: true)
            machine.set(index == 0 ? .hold(epoch: 1, isForced: false) : .stand, now: 5_000)
            var here = LeaseSite(name: name, node: name)
            (here.positionEpoch, here.knownEpoch) = (1, 1)
            sites.append(
                Site(
                    machine: machine, here: here, isPrimary: index == 0,
                    rate: [980, 1_000, 1_020][Int(chance.below(3))]))
        }
    }

    mutating func run(milliseconds: UInt64, breaks: Bool) {
        let end = time + milliseconds
        while time < end {
            time += 10
            if breaks, chance.below(200) == 0 { breakSomething() }
            ship()
            for index in sites.indices where sites[index].pausedUntil <= time { step(index) }
            let writers = sites.filter { $0.writes(time) }.map(\.here.name)
            if writers.count > 1 { problems.append("\(time): \(writers) write") }
        }
    }

    private mutating func breakSomething() {
        let index = Int(chance.below(3))
        let length = 500 + chance.below(30_000)
        if chance.below(2) == 0 {
            sites[index].pausedUntil = time + length
        } else {
            sites[index].cutUntil = time + length
        }
    }

    /// The writer writes, and whoever does not stand still follows it, more or less.
    private mutating func ship() {
        guard let writer = sites.firstIndex(where: { $0.writes(time) && $0.pausedUntil <= time })
        else { return }
        sites[writer].here.sequence += 1
        var following: [String] = []
        for index in sites.indices where index != writer && !sites[index].isPrimary {
            guard sites[index].pausedUntil <= time else { continue }
            following.append(sites[index].here.name)
            sites[index].here.positionEpoch = sites[writer].here.positionEpoch
            sites[index].here.knownEpoch = sites[writer].here.knownEpoch
            let lag = chance.below(4)
            let end = sites[writer].here.sequence
            sites[index].here.sequence = max(
                sites[index].here.sequence, end > lag ? end - lag : 0)
            if etcd.standbys.contains(sites[index].here.name) {
                acknowledged = max(acknowledged, sites[index].here.sequence)
            }
        }
        if sites[writer].here.standbys != following {
            sites[writer].here.standbys = following
            sites[writer].machine.hurry(now: sites[writer].clock(time))
        }
    }

    private mutating func step(_ index: Int) {
        let now = sites[index].clock(time)
        if var flight = sites[index].flight {
            if flight.answer == nil, time >= flight.arrives {
                let isCut = sites[index].cutUntil > time
                flight.answer =
                    isCut
                    ? .failed("cut off")
                    : etcd.carryOut(flight.request, flight.here, now: time)
                if flight.isLost { flight.answer = .failed("the answer is lost") }
            }
            sites[index].flight = flight
            if let answer = flight.answer, time >= flight.returns {
                sites[index].flight = nil
                sites[index].machine.answered(
                    flight.request, answer, asked: flight.asked, now: now,
                    here: sites[index].here)
            }
        } else if case .ask(let request) = sites[index].machine.step(
            now: now, here: sites[index].here)
        {
            let there = time + chance.below(300)
            sites[index].flight = Flight(
                request: request, here: sites[index].here, asked: now, arrives: there,
                returns: there + chance.below(300), isLost: chance.below(30) == 0)
        }
        sites[index].machine.tick(now: now)
        for change in sites[index].machine.takeChanges() { take(change, index, now) }
    }

    private mutating func take(_ change: LeaseMachine.Change, _ index: Int, _ now: UInt64) {
        switch change {
        case .held, .lost: break
        case .promoted(let epoch):
            if epoch <= epochs.last ?? 1 { problems.append("\(time): epoch \(epoch) again") }
            epochs.append(epoch)
            if sites[index].here.sequence < acknowledged {
                problems.append(
                    "\(time): \(sites[index].here.name) lacks what was acknowledged")
            }
            sites[index].isPrimary = true
            (sites[index].here.positionEpoch, sites[index].here.knownEpoch) = (epoch, epoch)
            sites[index].machine.set(.hold(epoch: epoch, isForced: false), now: now)
        case .outranked(let epoch, _):
            // It rejoins at once: what only it had is cut off.
            sites[index].isPrimary = false
            sites[index].here.sequence = min(sites[index].here.sequence, acknowledged)
            sites[index].here.knownEpoch = epoch
            sites[index].here.positionEpoch = 0
            sites[index].machine.set(.stand, now: now)
        }
    }
}

@Suite("Three sites and a lease, in virtual time")
struct LeaseSimulationTests {
    @Test(
        "no two write at a time, no epoch is opened twice, nothing acknowledged is missing",
        arguments: 1...40)
    func breaking(seed: Int) {
        var simulation = LeaseSimulation(seed: UInt64(seed))
        simulation.run(milliseconds: 5_000, breaks: false)
        #expect(simulation.sites[0].writes(simulation.time))
        simulation.run(milliseconds: 600_000, breaks: true)
        #expect(simulation.problems.isEmpty, "\(simulation.problems.prefix(5))")
        // When all is well again, somebody writes.
        simulation.run(milliseconds: 90_000, breaks: false)
        #expect(simulation.problems.isEmpty, "\(simulation.problems.prefix(5))")
        #expect(simulation.sites.count { $0.writes(simulation.time) } == 1)
    }
}
