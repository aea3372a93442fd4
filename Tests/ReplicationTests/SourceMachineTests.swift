import Testing

@testable import Replication

@Suite("Whom a standby follows")
struct SourceMachineTests {
    static let vienna = SiteAddress(host: "192.0.2.1", port: 7025)
    static let berlin = SiteAddress(host: "192.0.2.2", port: 7025)
    static let paris = SiteAddress(host: "192.0.2.3", port: 7025)

    static func word(
        _ site: String, primary: Bool = false, epoch: UInt32, log: UInt32? = nil
    ) -> SourceWord {
        SourceWord(site: site, isPrimary: primary, knownEpoch: epoch, logEpoch: log ?? epoch)
    }

    /// This site, rome, follows vienna; its log is of epoch 1 unless it is said otherwise.
    static func rome(
        _ address: SiteAddress = vienna, says word: SourceWord? = nil, connected: Bool? = nil,
        known: UInt32 = 1, log: UInt32 = 1
    ) -> SourceSituation {
        SourceSituation(
            address: address, isConnected: connected ?? (word != nil), word: word,
            knownEpoch: known, logEpoch: log)
    }

    static func machine(followsPrimary: Bool = false) -> SourceMachine {
        SourceMachine(site: "rome", followsPrimary: followsPrimary)
    }

    static let promoted = word("berlin", primary: true, epoch: 2)

    @Test("a primary of the highest epoch is followed, whatever others say, and that is remembered")
    func primary() {
        var machine = Self.machine()
        machine.heard(Self.berlin, Self.word("berlin", epoch: 1), now: 0)
        let here = Self.rome(says: Self.word("vienna", primary: true, epoch: 1))
        for now in [0, 60_000] as [UInt64] {
            #expect(machine.look(here, now: now) == .stay(.primary(epoch: 1)))
        }
        #expect(machine.followsPrimary)
    }

    @Test("a lost primary is left at once when another site is the primary of a higher epoch")
    func promotion() {
        var machine = Self.machine()
        _ = machine.look(Self.rome(says: Self.word("vienna", primary: true, epoch: 1)), now: 0)
        #expect(machine.look(Self.rome(connected: false), now: 1_000) == .stay(.nobody))
        machine.heard(Self.berlin, Self.promoted, now: 2_000)
        #expect(
            machine.look(Self.rome(connected: false), now: 2_000)
                == .move(to: Self.berlin, word: Self.promoted))
        // It is not asked for twice once the address is the new one.
        let there = Self.rome(Self.berlin, says: Self.promoted, known: 2)
        #expect(machine.look(there, now: 2_100) == .stay(.primary(epoch: 2)))
    }

    @Test("a primary that still answers, but of a lower epoch, is left at once")
    func stale() {
        var machine = Self.machine()
        machine.heard(Self.berlin, Self.promoted, now: 0)
        let here = Self.rome(says: Self.word("vienna", primary: true, epoch: 1))
        #expect(machine.look(here, now: 0) == .move(to: Self.berlin, word: Self.promoted))
    }

    @Test("a primary that handed over and is a standby now is left at once, also after a restart")
    func switchover() {
        let now = Self.rome(says: Self.word("vienna", epoch: 2), known: 2, log: 2)
        for isRestarted in [false, true] {
            var machine = Self.machine(followsPrimary: isRestarted)
            if !isRestarted {
                let before = Self.rome(says: Self.word("vienna", primary: true, epoch: 1))
                _ = machine.look(before, now: 0)
            }
            #expect(machine.look(now, now: 1_000) == .stay(.standby))
            machine.heard(Self.berlin, Self.promoted, now: 1_000)
            #expect(
                machine.look(now, now: 1_000) == .move(to: Self.berlin, word: Self.promoted))
        }
    }

    @Test("a standby of a standby stays there as long as that one gets on")
    func cascade() {
        var machine = Self.machine()
        let primary = Self.word("berlin", primary: true, epoch: 1)
        for now in [0, 8_000, 100_000] as [UInt64] {
            machine.heard(Self.berlin, primary, now: now)
            let here = Self.rome(says: Self.word("vienna", epoch: 1))
            #expect(machine.look(here, now: now) == .stay(.standby))
        }
        #expect(!machine.followsPrimary)
    }

    @Test("a standby in between gets 5 s to have the new epoch in its log")
    func cascadeBehind() {
        var machine = Self.machine()
        let behind = Self.rome(says: Self.word("vienna", epoch: 2, log: 1), known: 2)
        machine.heard(Self.berlin, Self.promoted, now: 0)
        #expect(machine.look(behind, now: 0) == .stay(.waiting(for: "berlin")))
        #expect(machine.look(behind, now: 4_999) == .stay(.waiting(for: "berlin")))
        // It got there: the time begins anew with the next epoch.
        let there = Self.rome(says: Self.word("vienna", epoch: 2), known: 2, log: 2)
        #expect(machine.look(there, now: 5_000) == .stay(.standby))
        machine.heard(Self.berlin, Self.promoted, now: 6_000)
        #expect(machine.look(behind, now: 6_000) == .stay(.waiting(for: "berlin")))
        #expect(
            machine.look(behind, now: 11_000) == .move(to: Self.berlin, word: Self.promoted))
    }

    @Test("a standby in between that is away gets 10 s, also when a higher epoch is open")
    func cascadeAway() {
        for epoch in [1, 2] as [UInt32] {
            var machine = Self.machine()
            let primary = Self.word("berlin", primary: true, epoch: epoch)
            _ = machine.look(Self.rome(says: Self.word("vienna", epoch: 1)), now: 0)
            machine.heard(Self.berlin, primary, now: 1_000)
            let alone = Self.rome(connected: false, known: epoch)
            #expect(machine.look(alone, now: 1_000) == .stay(.waiting(for: "berlin")))
            machine.heard(Self.berlin, primary, now: 10_000)
            #expect(machine.look(alone, now: 10_999) == .stay(.waiting(for: "berlin")))
            #expect(
                machine.look(alone, now: 11_000) == .move(to: Self.berlin, word: primary))
        }
    }

    @Test("a link that comes back within 10 s begins the time anew")
    func blink() {
        var machine = Self.machine()
        let primary = Self.word("berlin", primary: true, epoch: 1)
        for start in stride(from: 0, to: 60_000, by: 9_000) as StrideTo<UInt64> {
            machine.heard(Self.berlin, primary, now: start)
            let here = Self.rome(says: Self.word("vienna", epoch: 1))
            #expect(machine.look(here, now: start) == .stay(.standby))
            let alone = Self.rome(connected: false)
            #expect(machine.look(alone, now: start + 100) == .stay(.waiting(for: "berlin")))
        }
    }

    @Test("a standby is never gone over to, however much it has")
    func noStandby() {
        var machine = Self.machine(followsPrimary: true)
        machine.heard(Self.berlin, Self.word("berlin", epoch: 7), now: 0)
        #expect(machine.look(Self.rome(connected: false), now: 0) == .stay(.nobody))
        machine.heard(Self.berlin, Self.word("berlin", epoch: 7), now: 90_000)
        #expect(machine.look(Self.rome(connected: false), now: 90_000) == .stay(.nobody))
    }

    @Test("a primary of less than the highest epoch that was heard of is not gone over to")
    func notTheHighest() {
        var machine = Self.machine(followsPrimary: true)
        machine.heard(Self.berlin, Self.promoted, now: 0)
        machine.heard(Self.paris, Self.word("paris", epoch: 3), now: 0)
        #expect(machine.look(Self.rome(connected: false), now: 0) == .stay(.nobody))
        machine.heard(Self.paris, nil, now: 0)
        #expect(machine.look(Self.rome(connected: false, known: 3), now: 0) == .stay(.nobody))
    }

    @Test("of two primaries of one epoch none is chosen; two addresses of one site are one")
    func rivals() {
        var machine = Self.machine(followsPrimary: true)
        machine.heard(Self.berlin, Self.promoted, now: 0)
        machine.heard(Self.paris, Self.word("paris", primary: true, epoch: 2), now: 0)
        #expect(
            machine.look(Self.rome(connected: false), now: 0)
                == .stay(.rivals(["berlin", "paris"])))
        machine.heard(Self.paris, Self.promoted, now: 0)
        #expect(
            machine.look(Self.rome(connected: false), now: 0)
                == .move(to: Self.berlin, word: Self.promoted))
    }

    @Test("what was said 10 s ago, what this site says of itself and what it follows do not count")
    func doesNotCount() {
        var machine = Self.machine(followsPrimary: true)
        machine.heard(Self.berlin, Self.promoted, now: 0)
        #expect(machine.look(Self.rome(connected: false), now: 10_000) == .stay(.nobody))
        machine.heard(Self.berlin, Self.word("rome", primary: true, epoch: 2), now: 10_000)
        #expect(machine.look(Self.rome(connected: false), now: 10_000) == .stay(.nobody))
        machine.heard(Self.berlin, nil, now: 10_000)
        machine.heard(Self.vienna, Self.word("vienna", primary: true, epoch: 2), now: 10_000)
        #expect(machine.look(Self.rome(connected: false), now: 10_000) == .stay(.nobody))
    }

    @Test("an empty site whose configured primary never answers finds the primary elsewhere")
    func neverReached() {
        var machine = Self.machine()
        let empty = Self.rome(connected: false, known: 0, log: 0)
        for now in stride(from: 0, to: 10_000, by: 1_000) as StrideTo<UInt64> {
            machine.heard(Self.berlin, Self.promoted, now: now)
            #expect(machine.look(empty, now: now) == .stay(.waiting(for: "berlin")))
        }
        #expect(machine.look(empty, now: 10_000) == .move(to: Self.berlin, word: Self.promoted))
    }
}
