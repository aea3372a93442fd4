import EventLog
import Foundation
import MailEvents
import Testing

@Suite("Golden logs", .serialized)
struct GoldenLogTests {
    /// A copy of a golden log, so that nothing is written beside the original.
    private func copy(_ name: String) throws -> URL {
        let copy = FileManager.default.temporaryDirectory
            .appending(path: "waybill-golden-\(name)-\(UInt64.random(in: 0 ... .max))")
        try FileManager.default.copyItem(
            at: GoldenLogs.folder.appending(path: name), to: copy)
        return copy
    }

    private func lines(_ directory: URL) throws -> [String] {
        let reader = try LogReader.open(directory: directory.appending(path: "log").path)
        var lines: [String] = []
        try reader.forEachBatch { batch in
            let events = try MailEventDecoder.decode(
                batch.bytes, firstSequence: batch.header.firstSequence,
                epoch: batch.header.epoch, firstTime: batch.header.firstTime)
            lines += events.map(\.json)
            return true
        }
        return lines
    }

    @Test("There are golden logs")
    func present() {
        #expect(GoldenLogs.names.contains("v1-basic"))
        #expect(GoldenLogs.names.contains("v1-odd"))
        #expect(GoldenLogs.names.contains("v1-control"))
        #expect(GoldenLogs.names.contains("v2-compacted"))
        #expect(GoldenLogs.names.contains("v2-pruned"))
    }

    @Test("Every golden log still reads as the same events", arguments: GoldenLogs.names)
    func sameLines(name: String) throws {
        let directory = try copy(name)
        defer { try? FileManager.default.removeItem(at: directory) }
        let expected = try String(
            contentsOf: directory.appending(path: "events.jsonl"), encoding: .utf8)
        let lines = try lines(directory)
        #expect(lines.count > (name == "v2-pruned" ? 30 : 100))
        let recorded = expected.split(separator: "\n").map(String.init)
        #expect(lines.count == recorded.count)
        for (line, then) in zip(lines, recorded) where line != then {
            // Of a type that had only a number then, more can be told now.
            #expect(try Self.describes(line, more: then), "\(line)")
        }
    }

    /// Whether all members of the older line but the type's number are in the newer one.
    private static func describes(_ line: String, more older: String) throws -> Bool {
        let now = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? NSDictionary
        let then = try JSONSerialization.jsonObject(with: Data(older.utf8)) as? NSDictionary
        guard let now, let then, then["type_number"] != nil, now["type_number"] == nil else {
            return false
        }
        return then.allSatisfy { key, value in
            key as? String == "type_number" || (now[key] as? NSObject) == (value as? NSObject)
        }
    }

    @Test("The golden pruned log begins where its record says, and verifies")
    func pruned() throws {
        let directory = try copy("v2-pruned")
        defer { try? FileManager.default.removeItem(at: directory) }
        let reader = try LogReader.open(directory: directory.appending(path: "log").path)
        let record = try #require(reader.pruned)
        #expect(record.firstSequence > 1)
        #expect(try reader.batch(containing: record.firstSequence) != nil)
        #expect(record.bases.map(\.name) == ["example"])
        #expect(record.bases.first?.digest == Array(record.cut.chainHash.reversed()))
        let report = reader.verify(codec: MailEventCodec())
        #expect(report.isIntact, "\(report.damages)")
    }

    @Test("Every golden log's batches are encoded to the same octets", arguments: GoldenLogs.names)
    func sameBytes(name: String) throws {
        let directory = try copy(name)
        defer { try? FileManager.default.removeItem(at: directory) }
        let reader = try LogReader.open(directory: directory.appending(path: "log").path)
        let codec = MailEventCodec()
        try reader.forEachBatch { batch in
            let header = batch.header
            let events = try MailEventDecoder.decode(
                batch.bytes, firstSequence: header.firstSequence, epoch: header.epoch,
                firstTime: header.firstTime)
            var bytes: [UInt8] = []
            codec.encode(
                events.map(\.event), firstSequence: header.firstSequence, epoch: header.epoch,
                firstTime: header.firstTime, into: &bytes)
            #expect(bytes == batch.bytes)
            return true
        }
    }

    @Test(
        "Recording a golden log",
        .enabled(if: ProcessInfo.processInfo.environment["WAYBILL_RECORD"] != nil))
    func record() async throws {
        let name = try #require(ProcessInfo.processInfo.environment["WAYBILL_RECORD"])
        let directory = GoldenLogs.folder.appending(path: name)
        try #require(!FileManager.default.fileExists(atPath: directory.path))
        let log = directory.appending(path: "log")
        try FileManager.default.createDirectory(at: log, withIntermediateDirectories: true)
        try await GoldenLogs.record(name, to: log.path)
        let text = try lines(directory).map { $0 + "\n" }.joined()
        try text.write(
            to: directory.appending(path: "events.jsonl"), atomically: true, encoding: .utf8)
        for file in try FileManager.default.contentsOfDirectory(atPath: log.path)
        where !file.hasSuffix(".mdb") && file != "pruned" {
            try FileManager.default.removeItem(at: log.appending(path: file))
        }
    }
}
