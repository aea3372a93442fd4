import ArgumentParser
import EventLog
import MailEvents

/// `waybill log stats`: what a log is made of.
struct LogStats: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats",
        abstract: "What the log is made of: octets, types, batches, content, compression.",
        discussion: """
            Reads every batch once, and of message contents the headers. Changes nothing, and works
            beside a running server. Exit code 1: damage was met; 69: no log.
            """)

    @OptionGroup var options: DataOptions

    func run() throws {
        let log = try options.openLog()
        try reading {
            let last = try log.lastSequence()
            let bar = Progress(title: "reading", total: Int(last))
            defer { bar.finish() }
            var tally = EventTally()
            let segments = try log.anatomy { batch, octets in
                try tally.count(batch, storedOctets: octets)
                bar.show(Int(batch.lastSequence))
            }
            bar.finish()
            let report = LogStatsReport(segments: segments, tally: tally)
            if options.json { print(report.json) } else { report.show() }
        }
    }
}

/// Counts of events and batches.
///
/// Concurrency: value.
struct EventTally: EventVisitor {
    /// Upper bounds of the classes of batches, in events; beyond the last one there is one more.
    static let batchClasses: [UInt64] = [1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000]

    /// By the type's number.
    private(set) var types: [UInt32: Int] = [:]
    /// Batches in which the type occurs.
    private(set) var batchesOfType: [UInt32: Int] = [:]
    /// Batches by their number of events: one entry more than ``batchClasses``.
    private(set) var batchSizes = [Int](repeating: 0, count: Self.batchClasses.count + 1)
    private(set) var largestBatch: UInt64 = 0
    private(set) var largestStored = 0
    private(set) var firstTime: Int64?
    private(set) var lastTime: Int64?
    private var typesOfBatch: Set<UInt32> = []

    /// Counts a batch and its events.
    mutating func count(
        _ batch: StoredBatch, storedOctets: Int
    ) throws(BatchDecodingError) {
        typesOfBatch.removeAll(keepingCapacity: true)
        try MailEventDecoder.visit(
            batch.bytes, firstSequence: batch.firstSequence, epoch: batch.epoch,
            firstTime: batch.firstTime, &self)
        for type in typesOfBatch { batchesOfType[type, default: 0] += 1 }
        let events = batch.header.count
        let index = Self.batchClasses.firstIndex { events <= $0 } ?? Self.batchClasses.count
        batchSizes[index] += 1
        largestBatch = max(largestBatch, events)
        largestStored = max(largestStored, storedOctets)
        firstTime = firstTime ?? batch.firstTime
        lastTime = batch.lastTime
    }

    mutating func begin(_ texts: BatchTexts) {}

    mutating func visit(_ event: EventView) {
        types[event.type, default: 0] += 1
        typesOfBatch.insert(event.type)
    }

    /// Names and counts, the most frequent first.
    var rows: [(name: String, events: Int, batches: Int)] {
        types.map { type, count in
            (
                EventType(rawValue: type)?.name ?? "unknown (\(type))", count,
                batchesOfType[type] ?? 0
            )
        }
        .sorted { ($1.events, $0.name) < ($0.events, $1.name) }
    }

    /// The classes of batches as text, with their counts; empty ones left out.
    var sizes: [(events: String, batches: Int)] {
        batchSizes.indices.compactMap { index in
            guard batchSizes[index] > 0 else { return nil }
            let low = index == 0 ? 1 : Self.batchClasses[index - 1] + 1
            guard index < Self.batchClasses.count else {
                return ("\(low) or more", batchSizes[index])
            }
            let high = Self.batchClasses[index]
            return (low == high ? "\(low)" : "\(low) to \(high)", batchSizes[index])
        }
    }
}
