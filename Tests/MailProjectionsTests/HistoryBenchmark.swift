import EventLog
import Glibc
import MailEvents
import MailModel
import Projections
import Testing
import WaybillTesting

@testable import MailProjections

private func environment(_ name: String) -> String? {
    unsafe getenv(name).map { unsafe String(cString: $0) }
}

/// How fast a log is indexed, how large the index is, and how long a question takes; asserts nothing
/// about it.
///
/// `WAYBILL_BENCHMARK=1 WAYBILL_TESTS=MailProjections swift test -c release -Xswiftc
/// -enable-testing --filter HistoryBenchmark`; `WAYBILL_BENCHMARK_EVENTS` says how many events (default
/// a million), `WAYBILL_BENCHMARK_BATCH` how many in a batch (300), `WAYBILL_BENCHMARK_DATA` names a
/// directory to keep the log in.
@Suite("HistoryBenchmark", .enabled(if: environment("WAYBILL_BENCHMARK") != nil), .serialized)
struct HistoryBenchmark {
    private let events = environment("WAYBILL_BENCHMARK_EVENTS").flatMap(Int.init) ?? 1_000_000
    private let batch = environment("WAYBILL_BENCHMARK_BATCH").flatMap(Int.init) ?? 300

    /// CPU time of this thread.
    private func seconds() -> Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private func residentMegabytes() -> Int {
        let text = (try? bytes(of: "/proc/self/statm")).map { String(decoding: $0, as: UTF8.self) }
        return (text?.split(separator: " ").dropFirst().first).flatMap { Int($0) }.map {
            $0 / 256
        } ?? 0
    }

    private func makeLog(_ directory: String) async throws {
        _ = unsafe mkdir(directory, 0o700)
        guard !exists(directory + "/log") else { return }
        var configuration = EventLogConfiguration()
        configuration.allowAnyFileSystem = true
        configuration.freeBytesFloor = 0
        let log = try EventLog.open(
            directory: directory + "/log", codec: MailEventCodec(), configuration: configuration)
        var generator = EventGenerator(seed: 6)
        for _ in 0..<(events / batch) {
            _ = try await log.append(generator.events(batch).map(\.event))
        }
        log.close()
    }

    private func report(_ what: String, _ count: Int, _ body: (Int) throws -> Int) rethrows {
        var times: [Double] = []
        var used: [Double] = []
        var found = 0
        for number in 0..<count {
            let (start, cpu) = (ContinuousClock.now, seconds())
            found += try body(number)
            times.append((ContinuousClock.now - start) / .microseconds(1))
            used.append((seconds() - cpu) * 1e6)
        }
        func show(_ times: [Double]) -> String {
            let sorted = times.sorted()
            return [0.5, 0.99, 1].map { share in
                String(Int(sorted[Int(Double(sorted.count - 1) * share)]))
            }.joined(separator: ", ")
        }
        print(
            "\(what): p50, p99, max \(show(times)) us; of the processor \(show(used)) us;",
            "\(found) events seen")
    }

    @Test("Fold, file, look-ups")
    func all() async throws {
        let temporary = try TemporaryDirectory()
        let directory = environment("WAYBILL_BENCHMARK_DATA") ?? temporary.path
        try await makeLog(directory)
        let reader = try LogReader.open(directory: directory + "/log")
        let count = try reader.lastSequence()
        var best = 0.0
        for _ in 0..<3 {
            var history = History()
            var used = 0.0
            try reader.forEachBatch(through: 3_000_000) { batch in
                let start = seconds()
                try history.apply(batch)
                used += seconds() - start
                return true
            }
            best = max(best, Double(history.lastSequence) / used)
        }
        print("fold alone: \(Int(best)) events a CPU second, best of 3")
        let projections = directory + "/projections"
        let definition = AnyProjection(History.self, snapshots: .none)
        let before = residentMegabytes()
        let start = ContinuousClock.now
        let state = try ProjectionRebuild.run(
            definition, directory: projections, log: reader,
            options: HostOptions(splitter: MailBatchSplitter())
        ) { _ in }
        let took = (ContinuousClock.now - start) / .seconds(1)
        let paths = definition.paths(in: projections)
        let octets = ProjectionFileInfo(paths, log: reader).octets ?? 0
        print(
            "rebuild: \(count) events in \(took) s, \(Int(Double(count) / took)) a second;",
            "resident \(before) to \(residentMegabytes()) MiB; file \(octets) octets,",
            "\(Double(octets) / Double(count)) an event; \(state.digest.prefix(4))")
        try lookUp(directory, count)
    }

    private func lookUp(_ directory: String, _ count: UInt64) throws {
        let reader = try LogReader.open(directory: directory + "/log")
        var random = SeededRandom(seed: 4)
        var traces: [MessageTrace] = []
        var sample = MessageSearch(
            log: reader,
            index: try HistoryIndex.open(directory: directory + "/projections", log: reader).index)
        while traces.count < 500 {
            var query = MessageQuery(MessageFilter(), limit: 1)
            query.before = 2 + UInt64(random.below(Int(count) - 2))
            traces += try sample.find(query).messages
        }
        func find(_ what: String, limit: Int = 50, _ make: (MessageTrace) -> MessageFilter?) throws
        {
            try report(what, traces.count) { number in
                guard let filter = make(traces[number]) else { return 0 }
                var search = try opened(directory)
                return try search.find(MessageQuery(filter, limit: limit)).messages.reduce(0) {
                    $0 + $1.events.count
                }
            }
        }
        try report("message by id, log and index opened anew", traces.count) { number in
            var search = try opened(directory)
            return try search.trace(traces[number].message)?.events.count ?? 0
        }
        try report("message by id, log open", traces.count) { number in
            let index = try HistoryIndex.open(
                directory: directory + "/projections", log: reader
            ).index
            var search = MessageSearch(log: reader, index: index)
            return try search.trace(traces[number].message)?.events.count ?? 0
        }
        try find("recipient") { trace in
            var filter = MessageFilter()
            filter.recipient = trace.outcomes.first?.mailbox
            return filter
        }
        try find("sender, 10 messages", limit: 10) { trace in
            var filter = MessageFilter()
            filter.sender = trace.received?.fact.reversePath
            return filter
        }
        try find("campaign, 50 messages") { trace in
            var filter = MessageFilter()
            filter.campaign = trace.received?.fact.campaign
            return filter
        }
        try find("tenant and campaign, 50 messages") { trace in
            var filter = MessageFilter()
            filter.campaign = trace.received?.fact.campaign
            filter.tenant = trace.received?.fact.tenant
            return filter
        }
        try find("tenant, bounced, 10 messages", limit: 10) { trace in
            var filter = MessageFilter()
            filter.tenant = trace.received?.fact.tenant
            filter.state = .bounced
            return filter
        }
    }

    private func opened(_ directory: String) throws -> MessageSearch {
        let log = try LogReader.open(directory: directory + "/log")
        let index = try HistoryIndex.open(directory: directory + "/projections", log: log).index
        return MessageSearch(log: log, index: index)
    }
}
