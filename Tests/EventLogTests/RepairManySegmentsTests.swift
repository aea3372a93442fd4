import EventLog
import Glibc
import Testing
import WaybillTesting

@testable import EventLog

@Suite("Repair of a log of many segments")
struct RepairManySegmentsTests {
    /// How many descriptors this process has on files below a directory; other tests have theirs.
    private static func openFiles(below directory: String) -> Int {
        (0..<4_096).count { number in
            var target = [CChar](repeating: 0, count: 4_096)
            let length = unsafe readlink("/proc/self/fd/\(number)", &target, target.count)
            guard length > 0 else { return false }
            let octets = target[..<length].map { UInt8(truncatingIfNeeded: $0) }
            return String(decoding: octets, as: UTF8.self).hasPrefix(directory)
        }
    }

    @Test("no more files are open at a time than a reader keeps open, and all events are there")
    func descriptors() async throws {
        let scratch = try Scratch()
        let count = EventLogLimits.openFilesMax + 24
        let log = try openLog(scratch, testConfiguration { $0.segmentSecondsMax = 0 })
        for number in 1...count {
            let (event, content) = message("\(number)", Array("content \(number)".utf8))
            _ = try await log.append([event], contents: [content])
        }
        log.close()
        #expect(scratch.names().count { $0.hasSuffix(".mdb") } >= count)
        let target = try Scratch()
        var most = 0
        let report = try LogRepair(
            directory: scratch.log, codec: TextCodec(), configuration: testConfiguration()
        ).write(to: target.path) { _ in most = max(most, Self.openFiles(below: scratch.log)) }
        #expect((1...EventLogLimits.openFilesMax + 2).contains(most), "\(most) files were open")
        #expect(report.isComplete)
        #expect(report.contents == UInt64(count))
        let verified = try LogReader.open(directory: target.log).verify(codec: TextCodec())
        #expect(verified.isIntact, "\(verified.damages)")
        #expect(verified.events == UInt64(count))
    }
}
