import EventLog
import Testing
import WaybillTesting

@testable import EventLog

@Suite("Verification beside a writer")
struct VerifyBesideWriterTests {
    @Test("a segment with several epochs that is written to while it is looked at has no damage")
    func epochs() async throws {
        let scratch = try Scratch()
        for _ in 0..<3 {
            let log = try openLog(scratch, testConfiguration { $0.startsNewEpoch = true })
            for text in ["a", "b"] { _ = try await log.append([TextEvent(text: text)]) }
            log.close()
        }
        let log = try openLog(scratch)
        #expect(try log.reader.info().epochs.map(\.epoch) == [1, 2, 3])
        let outcomes = Outcomes()
        var wrote = false
        let report = try LogReader.open(directory: scratch.log).verify(codec: TextCodec()) {
            state in
            // The first call comes before the segment is opened, the second from within its pages.
            guard state.sequence > 0, !wrote else { return }
            wrote = true
            log.append(Append(events: [TextEvent(text: "meanwhile")], observer: outcomes))
            let told = try? outcomes.wait(for: 1)
            #expect(told?.count == 1)
        }
        log.close()
        #expect(wrote)
        #expect(report.isIntact, "\(report.damages)")
        #expect(report.batches == 7)
        #expect(report.position?.sequence == 7)
    }

    @Test(
        "contents behind a block whose index names sequences far ahead are looked at all the same")
    func blockNamesFarSequences() async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        let bodies = (0..<8).map { ContentTests.mail($0, octets: 600) }
        func event(_ number: Int) -> TextEvent { message("\(number)", bodies[number]).0 }
        // Two messages in one block, then one in each.
        _ = try await log.append(
            [event(0), event(1)],
            contents: [
                Content(eventIndex: 0, bytes: bodies[0]), Content(eventIndex: 1, bytes: bodies[1]),
            ])
        for number in 2..<8 {
            _ = try await log.append(
                [event(number)], contents: [Content(eventIndex: 0, bytes: bodies[number])])
        }
        log.close()
        let path = scratch.segment(1)
        var bytes = try contents(of: path)
        let magic = Array("WBC1".utf8)
        var changed = 0
        for place in bytes.indices.dropLast(100)
        where bytes[place..<place + 4].elementsEqual(magic) {
            if bytes.integer(at: place + 24, as: UInt32.self) == 2 {
                // The second entry's sequence: 2 and 2 to the power of 40.
                bytes[place + 40 + 16 + 5] ^= 1
                changed += 1
            } else if bytes.integer(at: place + 40, as: UInt64.self) == 6 {
                // The frame of another block.
                bytes[place + 70] ^= 1
                changed += 1
            }
        }
        #expect(changed >= 2)
        try write(bytes, to: path)
        let report = try LogReader.open(directory: scratch.log).verify(codec: TextCodec())
        #expect(report.damages.map(\.sequences?.lowerBound) == [1, 6])
        #expect(report.contents == 5)
    }
}
