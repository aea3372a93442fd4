import EventLog
import Testing

@Suite("Ack levels")
struct AckLevelTests {
    private static func level(_ standbys: Int, _ whenAway: StandbyDemand.WhenAway) -> AckLevel {
        .replicated(StandbyDemand(standbys: standbys, whenAway: whenAway))
    }

    @Test("two levels together are as safe as each of them, whichever comes first")
    func together() {
        #expect(AckLevel.local.and(.local) == .local)
        let one = Self.level(1, .refuse)
        let two = Self.level(2, .accept)
        #expect(one.and(.local) == one)
        #expect(AckLevel.local.and(two) == two)
        #expect(one.and(two) == Self.level(2, .refuse))
        #expect(two.and(one) == Self.level(2, .refuse))
        #expect(two.and(two) == two)
    }

    @Test("standbys that are away are not promised; only who refuses is without hope")
    func away() {
        let strict = StandbyDemand(standbys: 2, whenAway: .refuse)
        #expect(strict.isHopeless(present: 1))
        #expect(!strict.isHopeless(present: 2))
        #expect(strict.promised(present: 1) == 0)
        #expect(strict.promised(present: 3) == 2)
        #expect(!StandbyDemand(standbys: 2, whenAway: .accept).isHopeless(present: 0))
    }
}
