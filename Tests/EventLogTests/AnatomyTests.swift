import EventLog
import Testing
import WaybillTesting

@testable import EventLog

@Suite("What takes which room")
struct AnatomyTests {
    @Test("The parts of every segment add up, beside a writer and after it")
    func parts() async throws {
        let scratch = try Scratch()
        let clock = TestClock()
        let log = try openLog(
            scratch, testConfiguration(clock: clock) { $0.segmentSecondsMax = 60 })
        var octets = 0
        var batches = 0
        for number in 0..<60 {
            // Small ones share a block with none, large ones stand on overflow pages.
            let size = number % 7 == 0 ? 300_000 : 200 + number
            let (event, content) = message(
                "\(number)", ContentTests.mail(number, octets: size))
            _ = try await log.append([event, TextEvent(text: "more")], contents: [content])
            octets += size
            batches += 1
            if number % 20 == 19 { clock.advance(seconds: 61) }
        }
        try check(log.reader, batches: batches, contents: 60, octets: octets)
        log.close()
        try check(
            LogReader.open(directory: scratch.log), batches: batches, contents: 60, octets: octets)
    }

    private func check(_ reader: LogReader, batches: Int, contents: Int, octets: Int) throws {
        var seen: [UInt64] = []
        var stored = 0
        let segments = try reader.anatomy { batch, octets in
            seen.append(batch.firstSequence)
            stored += octets
        }
        let info = try reader.info()
        #expect(segments.map(\.path) == info.segments.map(\.path))
        #expect(segments.map(\.batches) == info.segments.map(\.batchCount))
        #expect(segments.map(\.events) == info.segments.map(\.eventCount))
        #expect(segments.map(\.contentBlocks) == info.segments.map(\.contentBlockCount))
        #expect(segments.map(\.isSealed) == info.segments.map(\.isSealed))
        #expect(seen == seen.sorted() && seen.count == batches)
        #expect(segments.reduce(0) { $0 + $1.batchesStored } == UInt64(stored))
        #expect(segments.reduce(0) { $0 + $1.contents } == UInt64(contents))
        #expect(segments.reduce(0) { $0 + $1.contentRaw } == UInt64(octets))
        for segment in segments {
            let used = segment.eventPages + segment.contentPages + segment.freePages
            #expect(used < segment.usedPages)
            #expect(
                segment.batchesStored + segment.contentStored
                    <= (segment.eventPages + segment.contentPages) * segment.pageBytes)
        }
    }

    @Test("A damaged batch is named")
    func damage() async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        for number in 0..<5 {
            _ = try await log.append([TextEvent(text: "damage me \(number)")])
        }
        log.close()
        let path = scratch.segment(1)
        var bytes = try contents(of: path)
        let marker = Array("damage me 3".utf8)
        let places = bytes.indices.filter { bytes[$0...].starts(with: marker) }
        for place in places { bytes[place] ^= 1 }
        try write(bytes, to: path)
        #expect(!places.isEmpty)
        let reader = try LogReader.open(directory: scratch.log)
        #expect(throws: EventLogError.self) { _ = try reader.anatomy { _, _ in } }
    }
}
