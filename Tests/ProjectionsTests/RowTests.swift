import Testing
import WaybillTesting

@testable import Projections

@Suite("Rows")
struct RowTests {
    @Test("What was written is read back, and nothing is left")
    func roundTrip() {
        var random = SeededRandom(seed: 1)
        for _ in 0..<500 {
            let number = random.next() >> UInt64(random.below(64))
            let signed = Int64(bitPattern: random.next()) >> Int64(random.below(64))
            let text = String(repeating: "ä", count: random.below(300))
            var row = RowWriter()
            row.write(varint: number)
            row.write(signed: signed)
            row.write(text)
            row.write(fixed: signed)
            row.write(UInt8(7))
            row.write(raw: [1, 2, 3])
            var reader = RowReader(row.bytes)
            #expect(reader.varint() == number)
            #expect(reader.signed() == signed)
            #expect(reader.text() == text)
            #expect(reader.fixed(Int64.self) == signed)
            #expect(reader.byte() == 7)
            #expect(reader.raw(3) == [1, 2, 3])
            #expect(reader.isIntact && reader.isAtEnd)
            for length in 0..<min(row.bytes.count, 40) {
                var cut = RowReader(Array(row.bytes[..<length]))
                _ = cut.varint()
                _ = cut.signed()
                _ = cut.text()
                _ = cut.fixed(Int64.self)
                _ = cut.byte()
                _ = cut.raw(3)
                #expect(!cut.isIntact)
            }
        }
    }

    @Test("Extreme numbers survive; one that never ends is damage")
    func extremes() {
        for number in [0, 1, 127, 128, UInt64.max] {
            var row = RowWriter()
            row.write(varint: number)
            var reader = RowReader(row.bytes)
            #expect(reader.varint() == number)
        }
        for number in [Int64.min, -1, 0, 1, .max] {
            var row = RowWriter()
            row.write(signed: number)
            var reader = RowReader(row.bytes)
            #expect(reader.signed() == number)
        }
        var endless = RowReader([UInt8](repeating: 0xFF, count: 12))
        _ = endless.varint()
        #expect(!endless.isIntact)
        var huge = RowWriter()
        huge.write(varint: .max)
        var reader = RowReader(huge.bytes)
        #expect(reader.text() == "")
        #expect(!reader.isIntact)
    }

    @Test("Every single flipped bit changes a row's checksum")
    func checksum() {
        let key: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
        let value = (0..<100).map { UInt8(truncatingIfNeeded: $0 * 37) }
        let whole = RowChecksum.checksum(key: key, value: value[...])
        for bit in 0..<800 {
            var flipped = value
            flipped[bit / 8] ^= 1 << (bit % 8)
            #expect(RowChecksum.checksum(key: key, value: flipped[...]) != whole)
        }
        for length in 0..<100 {
            #expect(RowChecksum.checksum(key: key, value: value[..<length]) != whole)
        }
        #expect(RowChecksum.checksum(key: Array(key.reversed()), value: value[...]) != whole)
    }

    @Test("The digest is SHA-256 over lengths, keys and values: rows cannot be shifted")
    func digest() {
        func digest(_ rows: [([UInt8], [UInt8])]) -> [UInt8] {
            var digest = RowDigest()
            for (key, value) in rows { digest.add(key: key, value: value) }
            return digest.finish()
        }
        #expect(digest([([1], [2, 3])]) != digest([([1, 2], [3])]))
        #expect(digest([([1], [2])]) == digest([([1], [2])]))
        #expect(digest([]).prefix(4) == [0xE3, 0xB0, 0xC4, 0x42])
    }
}
