import EventLog
import Glibc
import MailEvents
import MailModel
import Projections
import Testing
import WaybillTesting

@testable import MailProjections

private let isWanted = unsafe getenv("WAYBILL_BENCHMARK") != nil

/// How fast a log becomes statistics, in CPU time of the thread; asserts nothing about it.
///
/// `WAYBILL_BENCHMARK=1 WAYBILL_TESTS=MailProjections swift test -c release -Xswiftc
/// -enable-testing --filter StatisticsBenchmark`.
@Suite("StatisticsBenchmark", .enabled(if: isWanted), .serialized)
struct StatisticsBenchmark {
    private func report(_ what: String, _ count: Int, _ body: () throws -> Void) rethrows {
        var best = Double.infinity
        for _ in 0..<3 {
            let start = seconds()
            try body()
            best = min(best, seconds() - start)
        }
        print("\(what): \(Int(Double(count) / best)) events a CPU second, best of 3")
    }

    /// CPU time of this thread.
    private func seconds() -> Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// Sees everything and keeps nothing: what reading the columns costs.
    private struct Reader: EventVisitor {
        var sum: UInt64 = 0
        mutating func begin(_ texts: BatchTexts) {}
        mutating func visit(_ event: EventView) { sum &+= UInt64(event.recipientNumber) }
    }

    @Test("Events a second into statistics", arguments: [300, 3000, 10_000])
    func fold(size: Int) throws {
        let count = 1_200_000
        var generator = EventGenerator(seed: 5)
        var batches: [StoredBatch] = []
        for _ in 0..<(count / size) { batches.append(storedBatch(generator.events(size)[...])) }
        var reader = Reader()
        try report("batches of \(size), columns read", count) {
            for batch in batches {
                try MailEventDecoder.visit(
                    batch.bytes, firstSequence: batch.firstSequence, epoch: batch.epoch,
                    firstTime: batch.firstTime, &reader)
            }
        }
        var last = Statistics()
        try report("batches of \(size), statistics", count) {
            var statistics = Statistics()
            for batch in batches { try statistics.apply(batch) }
            last = statistics
        }
        var rows = 0
        var octets = 0
        last.forEachRow { row in
            rows += 1
            octets += row.key.count + row.value.count
        }
        print(
            "\(last.reports(.campaign).count) campaigns, \(last.reports(.domain).count) domains,",
            "\(rows) rows of \(octets) octets, \(reader.sum) seen")
    }

    @Test("Events a second from a log on disk into statistics")
    func log() async throws {
        let directory = try TemporaryDirectory()
        var configuration = EventLogConfiguration()
        configuration.allowAnyFileSystem = true
        configuration.freeBytesFloor = 0
        let log = try EventLog.open(
            directory: directory.path + "/log", codec: MailEventCodec(),
            configuration: configuration)
        var generator = EventGenerator(seed: 6)
        for _ in 0..<400 {
            _ = try await log.append(generator.events(3000).map(\.event))
        }
        log.close()
        let reader = try LogReader.open(directory: directory.path + "/log")
        try report("log, batches of 3000", Int(try reader.lastSequence())) {
            _ = try ProjectionStore<Statistics>.loadReadOnly(
                directory: directory.path + "/projections", log: reader)
        }
    }
}
