import BenchmarkSupport
import EventLog
import Foundation
import MailEvents
import MailModel
import Synchronization
import WaybillTesting

/// Writes a year's events to a new log, through the same writer as the server: durable batches,
/// a new segment each day, the same bytes for the same options.
///
/// Concurrency: value; runs on one thread beside the log's writer.
struct YearMaker {
    /// Appends under way: enough to keep the writer busy, few enough to hold in memory.
    private static let appendsInFlight = 64

    private let options: YearOptions

    init(_ options: YearOptions) { self.options = options }

    func run() throws {
        let watch = Stopwatch()
        let plan = TrafficPlan(seed: options.seed, days: options.days, events: options.events)
        let clock = YearClock(plan.start)
        try FileManager.default.createDirectory(
            atPath: options.directory, withIntermediateDirectories: true)
        let log = try EventLog.open(
            directory: options.directory, codec: MailEventCodec(hashSeed: options.seed),
            configuration: configuration(clock))
        guard log.position.sequence == 0 else {
            throw BenchmarkError("\(options.directory) holds a log already")
        }
        var year = TrafficYear(plan)
        let gate = AppendGate(limit: Self.appendsInFlight, clock)
        var waiting: [Event] = []
        while year.next(into: &waiting) {
            var rest = waiting[...]
            while rest.count >= options.batch {
                append(Array(rest.prefix(options.batch)), to: log, gate)
                rest = rest.dropFirst(options.batch)
            }
            if rest.count < waiting.count { waiting = Array(rest) }
        }
        if !waiting.isEmpty { append(waiting, to: log, gate) }
        gate.drain()
        let info = try log.reader.info()
        log.close()
        guard info.eventCount == year.count else {
            throw BenchmarkError("the log holds \(info.eventCount) of \(year.count) events")
        }
        watch.print("make", events: year.count) { writer in
            writer.number(year.messages, "messages")
            writer.number(info.fileBytes, "file_octets")
            writer.number(info.segments.count, "segments")
            writer.hex(log.position.chainHash, "chain")
        }
    }

    /// Production settings, with the year's clock and names that follow from the seed. No batch
    /// takes more than one append, so that batches do not depend on the disk's speed.
    private func configuration(_ clock: YearClock) -> EventLogConfiguration {
        var configuration = EventLogConfiguration()
        configuration.batchEventsMax = options.batch
        configuration.now = { clock.now }
        let seed = options.seed
        configuration.makeLogID = {
            var random = SeededRandom(seed: seed)
            return (0..<16).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        }
        return configuration
    }

    private func append(
        _ events: [Event], to log: EventLog<MailEventCodec>, _ gate: AppendGate
    ) {
        var events = events
        var contents: [Content] = []
        if options.hasContent { contents = Self.addContents(to: &events) }
        gate.enter()
        let last = events.last?.time.microseconds ?? 0
        log.append(
            Append(
                events: events, contents: contents, observer: gate,
                token: UInt64(bitPattern: last)))
    }

    /// Gives each message a short text, and its event the size and hash of it.
    private static func addContents(to events: inout [Event]) -> [Content] {
        var contents: [Content] = []
        for index in events.indices {
            guard case .received(var received) = events[index].fact else { continue }
            let text =
                "From: <news@\(received.tenant).example>\r\nSubject: \(received.campaign)\r\n"
                + "Message-ID: \(received.headerMessageID)\r\n\r\nAll the news of the week.\r\n"
            let bytes = Array(text.utf8)
            received.sizeOctets = bytes.count
            received.contentSHA256 = sha256(bytes)
            events[index].fact = .received(received)
            contents.append(Content(eventIndex: index, bytes: bytes))
        }
        return contents
    }
}

/// The time of the year that is being made.
///
/// Concurrency: any thread; one atomic number.
final class YearClock: Sendable {
    private let time: Atomic<Int64>

    init(_ start: EventTime) { time = Atomic(start.microseconds) }

    /// Microseconds since the Unix epoch.
    var now: Int64 { time.load(ordering: .relaxed) }

    func advance(to microseconds: Int64) { time.store(microseconds, ordering: .relaxed) }
}

/// Lets a number of appends be under way, and moves the year's clock on with those that are done:
/// when a new segment is due does not depend on how far the appends have run ahead.
///
/// Concurrency: one thread enters and drains; the log's writer tells outcomes.
final class AppendGate: AppendObserver {
    private let limit: Int
    private let underWay = Monitor(0)
    private let clock: YearClock

    init(limit: Int, _ clock: YearClock) {
        self.limit = limit
        self.clock = clock
    }

    /// Waits for a place and takes it.
    func enter() {
        let limit = limit
        underWay.wait(while: { $0 >= limit }, then: { $0 += 1 })
    }

    /// Waits until nothing is under way.
    func drain() { underWay.wait(while: { $0 > 0 }, then: { _ in }) }

    /// The token of each append is the time of its last event.
    func appendsCompleted(_ outcomes: [AppendOutcome]) {
        for outcome in outcomes {
            if case .failure(let error) = outcome.result { SystemExit.exit(with: error) }
            clock.advance(to: Int64(bitPattern: outcome.token))
        }
        underWay.withLock { $0 -= outcomes.count }
        underWay.broadcast()
    }
}
