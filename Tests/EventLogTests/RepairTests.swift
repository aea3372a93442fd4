import EventLog
import Glibc
import Testing
import WaybillTesting

@testable import EventLog

@Suite("Repair")
struct RepairTests {
    private static func makeLog() async throws -> DamagedLog {
        let scratch = try Scratch()
        let log = try openLog(scratch, testConfiguration { $0.segmentBytesMax = 150_000 })
        var generator = SplitMix(state: 47)
        for number in 1...110 {
            let (event, content) = message(
                "\(number)", ContentTests.mail(number, octets: number % 9 == 0 ? 20_000 : 900))
            let noise = (0..<(number % 7 == 0 ? 1_000 : 20)).map { _ in
                String(generator.next(), radix: 16)
            }.joined()
            _ = try await log.append([event, TextEvent(text: noise)], contents: [content])
        }
        log.close()
        return try DamagedLog(scratch)
    }

    private static func change(_ file: Int, _ octets: Range<Int>) -> [DamagedLog.Change] {
        [DamagedLog.Change(file: file, octets: octets)]
    }

    /// Whether everything is tried instead of a sample: WAYBILL_DAMAGE=all.
    private static var triesAll: Bool { unsafe getenv("WAYBILL_DAMAGE") != nil }

    @Test("a sound log is copied whole, with the same chain, another id and a new epoch to come")
    func sound() async throws {
        let log = try await Self.makeLog()
        let report = try log.repairs([], "sound")
        #expect(report.isComplete)
        #expect(report.newPosition?.chainHash == report.oldPosition?.chainHash)
        #expect(report.newLogID != report.oldLogID)
        #expect(report.files.allSatisfy { !$0.isScanned && $0.findings.isEmpty })
    }

    @Test("a server goes on with a repaired log, in an epoch of its own", arguments: [false, true])
    func goesOn(ownEpoch: Bool) async throws {
        let log = try await Self.makeLog()
        try log.apply([1: nil])
        let target = try Scratch()
        let report = try LogRepair(
            directory: log.scratch.log, codec: TextCodec(), configuration: testConfiguration()
        ).write(to: target.path)
        // Also when it begins an epoch itself, at the same event.
        let reopened = try openLog(target, testConfiguration { $0.startsNewEpoch = ownEpoch })
        let receipt = try await reopened.append([TextEvent(text: "after")])
        #expect(receipt.epoch == (ownEpoch ? 3 : 2))
        #expect(receipt.firstSequence == log.last + 1)
        reopened.close()
        try openLog(target).close()
        let verified = try LogReader.open(directory: target.log).verify(codec: TextCodec())
        #expect(verified.isIntact, "\(verified.damages)")
        let meta = try SegmentFile(path: target.segment(1), first: 1).meta()
        #expect(meta.origin?.logID == report.oldLogID)
        #expect(meta.origin?.position == report.oldPosition)
        #expect(meta.origin?.position.sequence == log.last)
    }

    @Test("verify holds the record of epochs against the batches")
    func epochs() async throws {
        let scratch = try Scratch()
        for _ in 0..<3 {
            let log = try openLog(scratch, testConfiguration { $0.startsNewEpoch = true })
            for text in ["a", "b"] { _ = try await log.append([TextEvent(text: text)]) }
            log.close()
        }
        let file = try SegmentFile(path: scratch.segment(1), first: 1)
        #expect(try file.meta().epochs.map(\.firstSequence) == [1, 3, 5])
        let bytes = try contents(of: scratch.segment(1))
        let value = SegmentMeta.bytes(of: try file.meta().epochs)
        for (octet, change) in [(0, UInt8(1)), (12, 4), (16, 7), (24, 8), (28, 1)] {
            var damaged = bytes
            for place in bytes.indices.dropLast(value.count)
            where bytes[place..<place + value.count].elementsEqual(value) {
                damaged[place + octet] ^= change
            }
            #expect(damaged != bytes)
            try write(damaged, to: scratch.segment(1))
            let report = try LogReader.open(directory: scratch.log).verify(codec: TextCodec())
            #expect(!report.isIntact, "octet \(octet)")
        }
    }

    @Test("an octet flipped on any page costs what stands on it at most, and is named")
    func flips() async throws {
        let log = try await Self.makeLog()
        let pages = try PageClasses(path: log.paths[0])
        #expect(Set(pages.classes.map(\.name)) == PageClasses.names)
        var generator = SplitMix(state: 45)
        for (name, number) in Self.triesAll ? pages.classes : pages.sample() {
            var octets = [0, 8, 10, 12, 14, 16, 24, 4_095]
            octets += (0..<4).map { _ in Int.random(in: 0..<4_096, using: &generator) }
            for octet in octets {
                let offset = number * 4_096 + octet
                var bytes = log.originals[0]
                bytes[offset] ^= UInt8(1) << UInt8.random(in: 0..<8, using: &generator)
                try log.apply([0: bytes])
                let what = "\(name), page \(number), octet \(octet)"
                let verified = try log.verify()
                let report = try log.repairs(
                    Self.change(0, offset..<offset + 1), what, verifiesNew: octet < 17)
                if verified.isIntact {
                    #expect(pages.isWithoutMeaning(offset), "\(what): verify calls it whole")
                    #expect(report.isComplete, "\(what)")
                } else {
                    #expect(
                        verified.damages.contains { $0.file == log.paths[0] },
                        "\(what): \(verified.damages)")
                }
            }
        }
    }

    @Test("a file truncated at any 512 octets costs what is gone at most, and is named")
    func truncations() async throws {
        let log = try await Self.makeLog()
        for file in [0, log.paths.count - 1] {
            let size = log.originals[file].count
            let step = Self.triesAll ? 512 : 512 * 29
            for octets in stride(from: 0, to: size, by: step) {
                try log.apply([file: Array(log.originals[file].prefix(octets))])
                let what = "file \(file) of \(size) octets truncated to \(octets)"
                let verified = try log.verify()
                let report = try log.repairs(Self.change(file, octets..<size), what)
                if verified.isIntact {
                    #expect(report.isComplete, "\(what): verify calls it whole")
                } else {
                    #expect(verified.damages.contains { $0.file == log.paths[file] }, "\(what)")
                }
            }
            try log.restore()
        }
    }

    @Test("a missing segment costs its events, and no others")
    func missing() async throws {
        let log = try await Self.makeLog()
        let count = log.paths.count
        for file in Set([0, count / 2, count - 2]) {
            try log.apply([file: nil])
            let verified = try log.verify()
            #expect(!verified.isIntact)
            let report = try log.repairs(
                Self.change(file, 0..<log.originals[file].count), "without \(file)")
            #expect(report.lostEvents.map(\.file) == [log.paths[file]])
            let range = try #require(report.lostEvents.first)
            #expect(verified.damages.contains { $0.sequences == range.sequences })
            #expect((range.after == nil) == (file == 0))
            #expect(range.before != nil)
            try log.restore()
        }
    }

    @Test("without the last segment, what is lost has no known end, and no id is given twice")
    func missingLast() async throws {
        let log = try await Self.makeLog()
        let file = log.paths.count - 1
        try log.apply([file: nil])
        let report = try log.repairs(
            Self.change(file, 0..<log.originals[file].count), "without the last")
        #expect(!report.isEndCertain)
        #expect(!report.isComplete)
    }

    @Test("two segments that have each other's names are put right without a loss")
    func swapped() async throws {
        let log = try await Self.makeLog()
        try log.apply([0: log.originals[1], 1: log.originals[0]])
        #expect(try !log.verify().isIntact)
        let report = try log.repairs([], "swapped")
        #expect(report.lostEvents.isEmpty)
    }

    @Test("a segment of another log is left out, and its events are not those of this log")
    func foreign() async throws {
        let log = try await Self.makeLog()
        let other = try Scratch()
        let foreign = try openLog(
            other, testConfiguration { $0.makeLogID = { [UInt8](repeating: 9, count: 16) } })
        for number in 1...40 {
            _ = try await foreign.append([TextEvent(text: "foreign \(number)")])
        }
        foreign.close()
        try log.apply([0: try contents(of: other.segment(1))])
        #expect(try !log.verify().isIntact)
        let report = try log.repairs(
            Self.change(0, 0..<log.originals[0].count), "a foreign segment")
        #expect(report.files[0].findings.contains { $0.contains("another log") })
    }

    @Test("zeroed ranges cost what stands in them at most")
    func zeroed() async throws {
        let log = try await Self.makeLog()
        var generator = SplitMix(state: 46)
        for round in 0..<(Self.triesAll ? 400 : 12) {
            let file = round % log.paths.count
            let size = log.originals[file].count
            let length = min(size, [512, 4_096, 8_192, 40_000][round / 3 % 4])
            let start = round < 3 ? 0 : Int.random(in: 0...(size - length), using: &generator)
            var bytes = log.originals[file]
            for octet in start..<start + length { bytes[octet] = 0 }
            try log.apply([file: bytes])
            let changed = (start..<start + length).filter { log.originals[file][$0] != 0 }
            let changes = changed.map { DamagedLog.Change(file: file, octets: $0..<$0 + 1) }
            let what = "file \(file), zeros from \(start), \(length) octets"
            let verified = try log.verify()
            let report = try log.repairs(Self.merged(changes), what)
            #expect(report.isComplete || !verified.isIntact, "\(what): verify calls it whole")
            try log.restore()
        }
    }

    /// Changes side by side as one.
    private static func merged(_ changes: [DamagedLog.Change]) -> [DamagedLog.Change] {
        var merged: [DamagedLog.Change] = []
        for change in changes {
            if let last = merged.last, last.octets.upperBound == change.octets.lowerBound {
                merged[merged.count - 1].octets =
                    last.octets.lowerBound..<change.octets.upperBound
            } else {
                merged.append(change)
            }
        }
        return merged
    }

    @Test("a batch that somebody sent in a message does not become part of the log")
    func forged() async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch, testConfiguration { $0.segmentBytesMax = 150_000 })
        for number in 1...4 { _ = try await log.append([TextEvent(text: "\(number)")]) }
        // The batch that will stand at 5, as its sender can know that it will.
        let forged = RepairFormer(level: 1).value(
            of: StoredBatch(
                header: BatchHeader(
                    codec: .none, dictionary: 0, firstSequence: 6, lastSequence: 6, epoch: 1,
                    firstTime: 1_700_000_000_000_000, lastTime: 1_700_000_000_000_000,
                    rawLength: 0, previousHash: []),
                bytes: []),
            after: Position(epoch: 1, sequence: 5, chainHash: Array(repeating: 3, count: 32)))
        var generator = SplitMix(state: 48)
        var noise = (0..<9_000).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        noise.replaceSubrange(4_000..<4_000 + forged.bytes.count, with: forged.bytes)
        let (event, content) = message("5", noise)
        _ = try await log.append([event], contents: [content])
        for number in 6...9 { _ = try await log.append([TextEvent(text: "\(number)")]) }
        log.close()
        var bytes = try contents(of: scratch.segment(1))
        let places = bytes.indices.dropLast(forged.bytes.count).filter {
            bytes[$0] == 0x57 && bytes[$0..<$0 + forged.bytes.count].elementsEqual(forged.bytes)
        }
        #expect(!places.isEmpty && places.allSatisfy { $0.isMultiple(of: 2) })
        // The message's block is damaged, so that what is in it is searched; and the event at 6.
        let block = Array("WBC1".utf8)
        for place in bytes.indices.dropLast(104) {
            if bytes[place..<place + 4].elementsEqual(block) { bytes[place + 60] ^= 1 }
            if BatchHeader(bytes: Array(bytes[place..<place + 104]))?.firstSequence == 6,
                !places.contains(place)
            {
                bytes[place + 104] ^= 1
            }
        }
        try write(bytes, to: scratch.segment(1))
        func repair(_ acceptsUnproven: Bool) throws -> RepairReport {
            try LogRepair(
                directory: scratch.log, codec: TextCodec(), configuration: testConfiguration(),
                acceptsUnproven: acceptsUnproven
            ).survey()
        }
        let report = try repair(false)
        #expect(report.lostEvents.map(\.sequences) == [6...6])
        #expect(report.unprovenBatches == 1)
        // Only this shows that the search had found it.
        #expect(try repair(true).lostEvents.isEmpty)
    }

    @Test(
        "a running server, a target that is in use and a log of nothing are refused, and nothing is made"
    )
    func refusals() async throws {
        let log = try await Self.makeLog()
        let target = try Scratch()
        let repair = LogRepair(
            directory: log.scratch.log, codec: TextCodec(), configuration: testConfiguration())
        let running = try openLog(log.scratch)
        #expect(throws: EventLogError(.locked, "")) { try repair.write(to: target.path) }
        running.close()
        try write([1], to: target.path + "/something")
        #expect(throws: EventLogError(.unsupported, "")) { try repair.write(to: target.path) }
        #expect(throws: EventLogError(.notFound, "")) {
            try LogRepair(directory: target.path, codec: TextCodec()).write(
                to: target.path + "/new")
        }
        #expect(target.names().isEmpty)
        let isThere = unsafe access(target.path + ".repairing", F_OK) == 0
        #expect(!isThere)
    }

    @Test("what a killed repair left is removed by the next one")
    func startsOver() async throws {
        let log = try await Self.makeLog()
        let target = try Scratch()
        let left = target.path + ".repairing"
        _ = unsafe mkdir(left, 0o700)
        _ = unsafe mkdir(left + "/log", 0o700)
        try write([1, 2, 3], to: left + "/log/0000000000000001.mdb")
        try write([1, 2, 3], to: left + "/log/00000000000000ff.mdb.new")
        let repair = LogRepair(
            directory: log.scratch.log, codec: TextCodec(), configuration: testConfiguration())
        _ = try repair.write(to: target.path)
        let isThere = unsafe access(left, F_OK) == 0
        #expect(!isThere)
        #expect(try LogReader.open(directory: target.log).verify(codec: TextCodec()).isIntact)
    }

    @Test("a survey changes nothing and says what a repair says")
    func survey() async throws {
        let log = try await Self.makeLog()
        var bytes = log.originals[0]
        for octet in 20_000..<60_000 { bytes[octet] = 0 }
        try log.apply([0: bytes])
        let repair = LogRepair(
            directory: log.scratch.log, codec: TextCodec(), configuration: testConfiguration())
        var survey = try repair.survey()
        #expect(survey.newLogID == nil)
        let target = try Scratch()
        let report = try repair.write(to: target.path)
        survey.newLogID = report.newLogID
        survey.newPosition = report.newPosition
        #expect(survey == report)
        #expect(try contents(of: log.paths[0]) == bytes)
    }
}
