import EventLog
import Testing
import WaybillTesting

@testable import EventLog

@Suite("Repair of compacted segments")
struct RepairCompactedTests {
    /// A log of which the sealed segments are compacted, and its messages; every other one has lost its
    /// content.
    private static func makeLog() async throws -> (Scratch, messages: [UInt64]) {
        let clock = TestClock()
        let scratch = try await CompactionTests.makeLog(clock: clock)
        let messages = try CompactionTests.messages(scratch)
        let needed = Set(messages.filter { $0 % 2 == 0 })
        clock.advance(seconds: 10)
        try CompactionTests.compactAll(
            CompactionTests.compaction(scratch, clock: clock) { options in
                options.contentRetentionSeconds = 0
                options.needed = { needed.intersection($0) }
            })
        return (scratch, messages)
    }

    /// What a reader of the log finds, by first sequence.
    private func batches(_ reader: LogReader) throws -> [UInt64: [UInt8]] {
        var batches: [UInt64: [UInt8]] = [:]
        try reader.forEachBatch { batch in
            batches[batch.firstSequence] = batch.bytes
            return true
        }
        return batches
    }

    @Test("a sound log with compacted segments is copied whole, but for what was dropped")
    func sound() async throws {
        let (scratch, messages) = try await Self.makeLog()
        let old = try LogReader.open(directory: scratch.log)
        let target = try Scratch()
        let report = try LogRepair(
            directory: scratch.log, codec: TextCodec(), configuration: testConfiguration()
        ).write(to: target.path)
        #expect(report.isComplete)
        #expect(report.newPosition?.chainHash == report.oldPosition?.chainHash)
        let new = try LogReader.open(directory: target.log)
        #expect(try batches(new) == batches(old))
        for message in messages {
            #expect(try new.content(of: message) == old.content(of: message), "\(message)")
        }
        #expect(new.verify(codec: TextCodec()).isIntact)
    }

    @Test("what a damaged page of a compacted segment does not hold is recovered")
    func damagedPages() async throws {
        let (scratch, messages) = try await Self.makeLog()
        let old = try LogReader.open(directory: scratch.log)
        let truth = try batches(old)
        let contents = try messages.map { try old.content(of: $0) }
        #expect(contents.contains { $0 == nil } && contents.contains { $0 != nil })
        let path = scratch.segment(1)
        let original = try EventLogTests.contents(of: path)
        var (recovered, lost, contentsRecovered) = (0, 0, 0)
        for page in 2..<original.count / 4096 {
            var bytes = original
            for octet in page * 4096 + 200..<page * 4096 + 260 { bytes[octet] ^= 0x55 }
            try write(bytes, to: path)
            let target = try Scratch()
            let report = try LogRepair(
                directory: scratch.log, codec: TextCodec(), configuration: testConfiguration()
            ).write(to: target.path)
            let new = try LogReader.open(directory: target.log)
            let verified = new.verify(codec: TextCodec())
            #expect(verified.isIntact, "page \(page): \(verified.damages)")
            let found = try batches(new)
            let ranges = report.lostEvents.map(\.sequences)
            for (first, octets) in truth where !ranges.contains(where: { $0.contains(first) }) {
                #expect(found[first] == octets, "page \(page), batch \(first)")
                recovered += 1
            }
            for (message, content) in zip(messages, contents) {
                // Only what the report names is gone, and nothing comes back that was dropped.
                let isLost =
                    ranges.contains { $0.contains(message) }
                    || report.lostContents.contains { $0.messages.contains(message) }
                #expect(
                    try new.content(of: message) == (isLost ? nil : content),
                    "page \(page), message \(message)")
                if !isLost, content != nil { contentsRecovered += 1 }
            }
            if !report.isComplete { lost += 1 }
            #expect(report.isComplete || !report.files.allSatisfy { $0.findings.isEmpty })
        }
        #expect(recovered > 0)
        #expect(lost > 0)
        #expect(contentsRecovered > 0)
    }
}
