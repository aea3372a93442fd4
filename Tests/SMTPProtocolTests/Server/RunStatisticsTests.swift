import Testing

@testable import SMTPProtocol

@Suite("Statistics of a run of content")
struct RunStatisticsTests {
    private func statistics(_ octets: [UInt8]) -> RunStatistics {
        unsafe octets.withUnsafeBufferPointer { unsafe RunStatistics($0) }
    }

    @Test("each octet value at each place of a run of each length up to three words is told apart")
    func everyOctetEverywhere() {
        for length in 1...24 {
            for place in 0..<length {
                for value in UInt8.min...UInt8.max {
                    var octets = [UInt8](repeating: 0x61, count: length)
                    octets[place] = value
                    let found = statistics(octets)
                    let expected =
                        found.carriageReturns == (value == 0x0D ? 1 : 0)
                        && found.hasNUL == (value == 0) && found.hasEightBit == (value >= 0x80)
                    #expect(expected, "\(value) at \(place) of \(length)")
                }
            }
        }
    }

    @Test("neighbours of CR and NUL do not hide or add one")
    func neighbours() {
        for first in [UInt8(0x00), 0x01, 0x0C, 0x0D, 0x0E, 0x80, 0x8D, 0xFF] {
            for second in [UInt8(0x00), 0x01, 0x0C, 0x0D, 0x0E, 0x80, 0x8D, 0xFF] {
                let octets = (0..<16).map { $0 % 2 == 0 ? first : second }
                let found = statistics(octets)
                #expect(found.carriageReturns == octets.count { $0 == 0x0D })
                #expect(found.hasNUL == octets.contains(0))
                #expect(found.hasEightBit == octets.contains { $0 >= 0x80 })
            }
        }
    }

    @Test("an empty run has nothing")
    func empty() {
        #expect(statistics([]) == statistics([0x61]))
    }
}
