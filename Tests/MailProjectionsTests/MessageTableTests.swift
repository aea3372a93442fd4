import Testing
import WaybillTesting

@testable import MailProjections

@Suite("Message table")
struct MessageTableTests {
    @Test("Rows are found among removed ones, and gaps are closed")
    func table() {
        var table = MessageTable()
        var random = SeededRandom(seed: 12)
        var expected: [UInt64: UInt8] = [:]
        var sequence: UInt64 = 0
        for step in 0..<20_000 {
            sequence += UInt64(1 + random.below(4))
            let mark = UInt8(step % 255 + 1)
            table.append(sequence, [mark])
            expected[sequence] = mark
            while expected.count > 100, let victim = expected.keys.randomElement(using: &random) {
                expected[victim] = nil
                if let index = table.index(of: victim) { table.remove(at: index) }
                if random.oneIn(2) { break }
            }
            let probe = UInt64(random.below(Int(sequence) + 5))
            #expect(table.index(of: probe).map { table.rows[$0] } == expected[probe].map { [$0] })
        }
        #expect(table.count == expected.count)
        #expect(table.rows.count < 2000)
        for (sequence, mark) in expected {
            #expect(table.index(of: sequence).map { table.rows[$0] } == [mark])
        }
    }
}
