import EventLog
import Testing
import WaybillTesting

@testable import EventLog

@Suite("Content")
struct ContentTests {
    /// Text that compresses as mail does, and is different for each seed.
    static func mail(_ seed: Int, octets: Int) -> [UInt8] {
        var generator = SplitMix(state: UInt64(seed))
        var bytes = Array("Subject: message \(seed)\r\n\r\n".utf8)
        while bytes.count < octets {
            bytes += Array("word\(generator.next() % 5_000) ".utf8)
        }
        return Array(bytes.prefix(octets))
    }

    @Test("messages of every size read back as they were, also after reopening")
    func roundTrip() async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        let sizes = [
            0, 1, 100, 4_096, 65_536, EventLogLimits.contentBlockOctets - 1,
            EventLogLimits.contentBlockOctets, EventLogLimits.contentBlockOctets + 1, 1 << 20,
            20 << 20,
        ]
        var stored: [(UInt64, [UInt8])] = []
        for (seed, size) in sizes.enumerated() {
            let bytes = Self.mail(seed, octets: size)
            let (event, content) = message("\(size)", bytes)
            let receipt = try await log.append([event], contents: [content])
            stored.append((receipt.firstSequence, bytes))
        }
        for (sequence, bytes) in stored { #expect(try log.reader.content(of: sequence) == bytes) }
        log.close()
        let reader = try LogReader.open(directory: scratch.log)
        for (sequence, bytes) in stored.reversed() {
            #expect(try reader.content(of: sequence) == bytes)
        }
        let report = reader.verify(codec: TextCodec())
        #expect(report.isIntact, "\(report.damages)")
        #expect(report.contents == UInt64(sizes.count))
    }

    @Test("octets that cannot be compressed are stored as they are")
    func incompressible() async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        var generator = SplitMix(state: 7)
        let bytes = (0..<50_000).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        let (event, content) = message("random", bytes)
        let receipt = try await log.append([event], contents: [content])
        #expect(try log.reader.content(of: receipt.firstSequence) == bytes)
        log.close()
    }

    @Test("messages of one batch stand in blocks together, and only the asked one comes back")
    func blocks() throws {
        let scratch = try Scratch()
        let blocker = Blocker()
        let log = try openLog(
            scratch,
            testConfiguration {
                $0.faults = StorageFaults {
                    blocker.pass()
                    return nil
                }
            })
        let outcomes = Outcomes()
        let bodies = (0..<100).map { Self.mail($0, octets: 10_000) }
        for (token, bytes) in bodies.enumerated() {
            let (event, content) = message("\(token)", bytes)
            log.append(
                Append(
                    events: [TextEvent(text: "first"), event],
                    contents: [Content(eventIndex: 1, bytes: content.bytes)],
                    observer: outcomes, token: UInt64(token)))
        }
        blocker.open()
        let receipts = try outcomes.wait(for: 100)
        for outcome in receipts {
            let first = try outcome.result.get().firstSequence
            #expect(try log.reader.content(of: first) == nil)
            #expect(try log.reader.content(of: first + 1) == bodies[Int(outcome.token)])
        }
        let info = try log.reader.info()
        // 1,000,000 octets in blocks of at most 262,144: 26 messages each, and the batch that
        // the writer took before the others came.
        #expect(info.segments[0].contentBlockCount <= 6)
        #expect(info.segments[0].contentBlockCount >= 4)
        log.close()
        let report = try LogReader.open(directory: scratch.log).verify(codec: TextCodec())
        #expect(report.isIntact, "\(report.damages)")
    }

    @Test("an event without content and a sequence beyond the log have none")
    func absent() async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        _ = try await log.append([TextEvent(text: "none")])
        #expect(try log.reader.content(of: 0) == nil)
        #expect(try log.reader.content(of: 1) == nil)
        #expect(try log.reader.content(of: 2) == nil)
        log.close()
    }

    @Test("content that is not what its event says is found by verification")
    func wrongContent() async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        let (event, _) = message("lies", [1, 2, 3])
        _ = try await log.append([event], contents: [Content(eventIndex: 0, bytes: [1, 2, 4])])
        let (missing, _) = message("lacks", [1, 2, 3])
        _ = try await log.append([missing])
        _ = try await log.append(
            [TextEvent(text: "hides")], contents: [Content(eventIndex: 0, bytes: [5])])
        log.close()
        let report = try LogReader.open(directory: scratch.log).verify(codec: TextCodec())
        #expect(report.damages.compactMap(\.sequences) == [1...1, 2...2, 3...3])
    }
}

/// A small generator with a seed.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
