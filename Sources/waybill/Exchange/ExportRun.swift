import EventLog
import LogExchange
import MailEvents

/// One export: reads the log, writes lines, frame by frame.
///
/// Concurrency: one thread.
final class ExportRun {
    private let plan: ExportPlan
    private let log: LogReader
    private let file: ExportFile
    private var exporter: any EventExporter
    private var archive: SeekableArchive
    /// Lines that are not compressed and wait to be written.
    private var plain: [UInt8] = []
    private var plainOctets: UInt64 = 0
    private var records: UInt64 = 0
    private var events: UInt64 = 0

    /// Octets of uncompressed lines that are written at once.
    private static let plainPieceOctets = 1 << 18

    init(plan: ExportPlan, log: LogReader, file: ExportFile) {
        self.plan = plan
        self.log = log
        self.file = file
        let contexts = MessageContexts {
            log.isPruned($0) ? nil : try log.batch(containing: $0)
        }
        exporter =
            switch plan.format {
            case .ndjson: NDJSONExporter()
            case .kumomta: KumoExporter(logID: plan.logID, contexts: contexts)
            case .powermta: PowerMTAExporter(contexts: contexts)
            }
        archive = SeekableArchive(
            level: plan.level, frameOctets: plan.frameOctets,
            continuing: plan.continued?.tail.table ?? SeekTable())
        records = plan.continued?.tail.mark.records ?? 0
    }

    /// Exports the events that `matches` lets through.
    func run(_ matches: (RecordedEvent) -> Bool) throws -> Result {
        if let (path, tail) = plan.continued { try file.copy(tail.table.framesOctets, of: path) }
        let heading = exporter.heading
        if plan.continued == nil, !heading.isEmpty { try add { $0 += heading } }
        if plan.first <= plan.last {
            let bar = Progress(title: "exporting", total: Int(plan.last - plan.first + 1))
            defer { bar.finish() }
            try log.forEachBatch(from: plan.first, through: plan.last) { batch in
                for event in try batch.events() { try take(event, matches) }
                bar.show(Int(min(batch.lastSequence, plan.last) - plan.first + 1))
                return true
            }
        }
        let next = max(plan.first, plan.last + 1)
        if plan.isCompressed {
            archive.finish(
                ExportMark(
                    logID: plan.logID, format: plan.format, selection: plan.selection,
                    nextSequence: next, records: records))
            try file.write(archive.take())
        } else {
            try file.write(plain)
        }
        return Result(
            records: records, events: events, fileOctets: file.octets,
            rawOctets: plan.isCompressed ? archive.rawOctets : plainOctets, nextSequence: next)
    }

    private func take(_ event: RecordedEvent, _ matches: (RecordedEvent) -> Bool) throws {
        guard event.sequence >= plan.first, event.sequence <= plan.last else {
            exporter.pass(event)
            return
        }
        events += 1
        guard matches(event) else {
            exporter.pass(event)
            return
        }
        try add { bytes in records += UInt64(try exporter.write(event, to: &bytes)) }
    }

    private func add(_ write: (inout [UInt8]) throws -> Void) throws {
        if plan.isCompressed {
            try archive.add(write)
            let ready = archive.take()
            if !ready.isEmpty { try file.write(ready) }
            return
        }
        let before = plain.count
        try write(&plain)
        plainOctets += UInt64(plain.count - before)
        guard plain.count >= Self.plainPieceOctets else { return }
        try file.write(plain)
        plain.removeAll(keepingCapacity: true)
    }
}
