import CZstd
import MailEvents
import Testing

@testable import LogExchange

@Suite("The seekable format")
struct SeekableArchiveTests {
    private static let mark = ExportMark(
        logID: [UInt8](0..<16), format: .kumomta, selection: "type=bounced", nextSequence: 4_711,
        records: 3)

    /// A file of some lines, a frame each.
    private func file(_ lines: [String], continuing table: SeekTable = SeekTable()) -> [UInt8] {
        var archive = SeekableArchive(level: 3, frameOctets: 4_096, continuing: table)
        var bytes: [UInt8] = []
        for line in lines {
            archive.add { $0 += Array(line.utf8) }
            bytes += archive.take()
        }
        archive.finish(Self.mark)
        return bytes + archive.take()
    }

    private static func line(_ number: Int) -> String {
        String(repeating: "\(number) ", count: 3_000) + "\n"
    }

    private func tail(_ bytes: [UInt8]) throws -> ExportTail? {
        try ExportTail.read(size: UInt64(bytes.count)) { offset, count in
            Array(bytes[Int(offset)..<Int(offset) + count])
        }
    }

    @Test("Every frame can be inflated by itself, at the place that the table gives")
    func frames() throws {
        let lines = (1...5).map(Self.line)
        let bytes = file(lines)
        let tail = try #require(try tail(bytes))
        #expect(tail.table.entries.count == 5)
        var place = 0
        for (entry, line) in zip(tail.table.entries, lines) {
            let frame = Array(bytes[place..<place + Int(entry.compressed)])
            #expect(inflate(frame, Int(entry.raw)) == Array(line.utf8))
            place += Int(entry.compressed)
        }
    }

    @Test("The last octets are those of the specification: count, descriptor 0, magic number")
    func footer() {
        let bytes = file([Self.line(1)])
        // One frame of lines and the mark.
        #expect(Array(bytes.suffix(9)) == [2, 0, 0, 0, 0, 0xB1, 0xEA, 0x92, 0x8F])
    }

    @Test("The mark says what the export is of and where it ended")
    func mark() throws {
        #expect(try tail(file([Self.line(1)]))?.mark == Self.mark)
        #expect(try tail(file([]))?.mark == Self.mark)
    }

    @Test("An export is continued behind its last frame")
    func continued() throws {
        let first = file([Self.line(1), Self.line(2)])
        let tail = try #require(try tail(first))
        let kept = Array(first[..<Int(tail.table.framesOctets)])
        let both = kept + file([Self.line(3)], continuing: tail.table)
        let end = try #require(try self.tail(both))
        #expect(end.table.entries.count == 3)
        #expect(end.table.entries.prefix(2) == tail.table.entries[...])
    }

    @Test("What is no export of ours has no tail, whatever its octets")
    func notOurs() throws {
        #expect(try tail([]) == nil)
        #expect(try tail(Array("just some text\n".utf8)) == nil)
        let bytes = file([Self.line(1)])
        for cut in [1, 5, 9, 17, 30] { #expect(try tail(Array(bytes.dropLast(cut))) == nil) }
        #expect(try tail(Array(bytes.dropFirst(3))) == nil)
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            var damaged = bytes
            let place = damaged.count - 1 - Int.random(in: 0..<120, using: &random)
            damaged[place] ^= UInt8.random(in: 1...255, using: &random)
            _ = try tail(damaged)
        }
    }

    private func inflate(_ frame: [UInt8], _ count: Int) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            let result = unsafe ZSTD_decompress(
                buffer.baseAddress, buffer.count, frame, frame.count)
            filled = ZSTD_isError(result) == 0 ? Int(result) : 0
        }
    }
}
