import MailModel
import Testing

@testable import Reception

@Suite("Rates and admission")
struct RateTableTests {
    private let second: UInt64 = 1_000_000_000

    @Test("a bucket gives its whole count at once, then one for each interval")
    func bucket() {
        var table = RateTable<String>(Rate(3, perSeconds: 6))
        let start = 100 * second
        for _ in 0..<3 {
            #expect(table.allows("a", now: start))
            let taken = table.take("a", now: start)
            #expect(taken)
        }
        #expect(!table.allows("a", now: start))
        let taken = [
            table.take("a", now: start + 2 * second - 1), table.take("a", now: start + 2 * second),
            table.take("a", now: start + 2 * second), table.take("b", now: start),
        ]
        #expect(taken == [false, true, false, true])
    }

    @Test("when too many keys are remembered, those that are full again go first")
    func forgetting() {
        var table = RateTable<Int>(Rate(1, perSeconds: 10), capacity: 4)
        for key in 0..<4 { _ = table.take(key, now: UInt64(key) * second) }
        let isNewTaken = table.take(99, now: 11 * second)
        #expect(isNewTaken)
        #expect(table.count <= 4)
        let isRecentTaken = table.take(3, now: 11 * second)
        #expect(!isRecentTaken)
        for key in 100..<200 { _ = table.take(key, now: 11 * second) }
        #expect(table.count <= 4)
    }

    @Test("IPv6 sessions are counted for the /64")
    func admission() throws {
        var listener = ListenerPolicy(name: "a", host: "", port: 0)
        listener.limits.sessionsPerAddress = 1
        listener.limits.sessions = 2
        var admission = Admission(
            configuration: ReceptionConfiguration(serverName: "x", listeners: [listener]))
        let first = try #require(IPAddress("2001:db8::1"))
        let neighbour = try #require(IPAddress("2001:db8::2"))
        let other = try #require(IPAddress("2001:db8:0:1::1"))
        let third = try #require(IPAddress("2001:db8:0:2::1"))
        let codes = [first, neighbour, other, third].map {
            admission.admit(listener: 0, address: $0, now: 0)?.status
        }
        #expect(codes == [nil, EnhancedStatusCode(4, 7, 0), nil, EnhancedStatusCode(4, 3, 2)])
        admission.release(listener: 0, address: first)
        let afterRelease = admission.admit(listener: 0, address: neighbour, now: 0)
        #expect(afterRelease == nil)
        #expect(admission.open == 2)
    }

    @Test("rejected events are sampled from the first on")
    func sampling() {
        var full = RejectionSampler(.full)
        var off = RejectionSampler(.off)
        var third = RejectionSampler(.sampled(oneIn: 3))
        let answers = (0..<4).map { _ in [full.next(), off.next(), third.next()] }
        #expect(answers.map { $0[0] } == [true, true, true, true])
        #expect(answers.map { $0[1] } == [false, false, false, false])
        #expect(answers.map { $0[2] } == [true, false, false, true])
    }
}
