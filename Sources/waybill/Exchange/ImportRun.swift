import EventLog
import LogExchange
import MailEvents
import MailModel
import Synchronization

/// One import: reads another server's log, appends events to a new log of ours.
///
/// Concurrency: one task.
final class ImportRun {
    /// The log's epoch, and the sequence of the first event that is imported: after `epoch_started`.
    static let epoch: UInt32 = 1
    static let firstSequence: UInt64 = 2

    private let history: HistoryImport
    private let target: ImportTarget
    private let site: String
    private let isStrict: Bool
    private let bar: Progress
    private let clock = HistoryClock()
    private var log: EventLog<MailEventCodec>?
    private var waiting: [Event] = []

    init(
        history: HistoryImport, target: ImportTarget, site: String, isStrict: Bool,
        totalOctets: Int
    ) {
        self.history = history
        self.target = target
        self.site = site
        self.isStrict = isStrict
        bar = Progress(title: "importing", total: totalOctets, shown: totalOctets > 0)
    }

    func run() async throws -> ImportResult {
        defer { bar.finish() }
        try target.prepare()
        do {
            while let events = try history.next() {
                try checkRefused()
                waiting += events
                if waiting.count >= ExchangeLimits.eventsPerAppend { try await append() }
                bar.show(history.octetsRead)
            }
            try checkRefused()
            if !waiting.isEmpty { try await append() }
            let position = log?.position
            log?.close()
            log = nil
            if position == nil { target.discard() } else { try target.complete() }
        } catch {
            log?.close()
            target.discard()
            throw error
        }
        return ImportResult(
            format: history.format, counts: history.counts, lines: history.lineCount,
            refusedCount: history.refusedCount, refused: history.refused,
            skipped: history.skipped)
    }

    private func checkRefused() throws {
        guard isStrict, let refused = history.refused.first else { return }
        throw ExportProblem(
            .data,
            "\(refused.file):\(refused.line): \(refused.why). Nothing was imported; without "
                + "--strict such lines are passed over")
    }

    private func append() async throws {
        guard let last = waiting.last, let first = waiting.first else { return }
        let log = try openLog(at: first.time)
        clock.set(last.time)
        _ = try await log.append(waiting)
        waiting = []
    }

    /// The log, made with its first event at the time of the first that is imported: times never
    /// decrease, so it must not be later.
    private func openLog(at time: EventTime) throws -> EventLog<MailEventCodec> {
        if let log { return log }
        clock.set(time)
        var configuration = EventLogConfiguration()
        configuration.now = { [clock] in clock.now }
        let log = try EventLog.open(
            directory: target.workDirectory, codec: MailEventCodec(), configuration: configuration)
        self.log = log
        waiting.insert(
            Event(
                time: time,
                fact: .epochStarted(
                    EpochStarted(epoch: Self.epoch, site: site, reason: "imported"))),
            at: 0)
        return log
    }
}

/// The time of the history that is being imported, by which segments are begun and sealed.
///
/// Concurrency: any thread.
private final class HistoryClock: Sendable {
    private let time = Atomic<Int64>(0)

    var now: Int64 { time.load(ordering: .relaxed) }

    func set(_ value: EventTime) { time.store(value.microseconds, ordering: .relaxed) }
}
