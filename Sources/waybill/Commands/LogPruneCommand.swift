import ArgumentParser
import ConfigurationFile
import EventLog
import HTTPAPI
import MailEvents
import MailModel
import MailProjections
import Replication

/// `waybill log prune`: removes the oldest segments.
struct LogPrune: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune", abstract: "Remove the oldest events, whole segments at a time.",
        discussion: """
            Before a segment goes, the state of every projection as of the cut is written, read back
            and noted; with --archive the segments are copied there first, as a log of its own. The
            segment that is written, and those from the oldest message that waits for delivery on, stay.
            Beside a running server the server does it, and archives where its configuration says
            (prune_archive). On the data directory of a stopped one it is done here.
            Examples:
              waybill log prune --data /var/lib/waybill --keep-days 365 --dry-run
              waybill log prune --data /var/lib/waybill --keep-bytes 50GiB --archive /srv/archive
              waybill log prune --data /var/lib/waybill --before 2026-01-01
            """)

    @OptionGroup var options: DataOptions

    @Option(help: "Segments go whose last event is older than so many days.")
    var keepDays: Int?

    @Option(help: "The oldest segments go until the rest takes no more than this: 500MiB, 50GiB.")
    var keepBytes: String?

    @Option(help: "Segments go whose events are all before this sequence or time.")
    var before: LogPoint?

    @Option(help: "Copy each segment to this directory before it goes.")
    var archive: String?

    @Flag(help: "Copy nothing, although the segments before were archived.")
    var noArchive = false

    @Flag(help: "Only say what would go.")
    var dryRun = false

    func validate() throws {
        guard archive == nil || !noArchive else {
            throw ValidationError("--archive and --no-archive contradict each other")
        }
        guard keepDays != nil || keepBytes != nil || before != nil else {
            throw ValidationError("say what is kept: --keep-days, --keep-bytes or --before")
        }
        guard (0...100_000).contains(keepDays ?? 0) else {
            throw ValidationError("--keep-days: a number of days from 0 to 100000")
        }
        guard keepBytes.map({ Quantity.octets($0) != nil }) ?? true else {
            throw ValidationError("--keep-bytes: expected \(Quantity.sizeForm)")
        }
    }

    func run() async throws {
        let limits = limits
        let answer = try await ControlPoint.use(options) { point in
            switch point {
            case .server: try await ask(point, limits)
            case .here(_, let log): try prune(log, limits)
            }
        }
        if options.json { return print(answer.json) }
        show(answer)
    }

    private var limits: PruneLimits {
        var limits = PruneLimits()
        limits.keepSeconds = keepDays.map { Int64($0) * 86_400 }
        limits.keepOctets = keepBytes.flatMap(Quantity.octets).map { UInt64($0) }
        switch before {
        case .sequence(let sequence): limits.beforeSequence = sequence
        case .time(let point):
            limits.beforeTime = point.time(now: SystemClock.now()).microseconds
        case nil: break
        }
        return limits
    }

    private func ask(_ point: ControlPoint, _ limits: PruneLimits) async throws -> JSONValue {
        guard archive == nil, !noArchive else {
            complain(
                "waybill: a server runs there and archives where its configuration says: set"
                    + " prune_archive there, or stop it first.")
            throw Exit.unavailable
        }
        var writer = JSONWriter()
        writer.beginObject()
        if let seconds = limits.keepSeconds { writer.number(seconds, "keep_seconds") }
        if let octets = limits.keepOctets { writer.number(octets, "keep_octets") }
        if let sequence = limits.beforeSequence { writer.number(sequence, "before_sequence") }
        if let time = limits.beforeTime {
            writer.time(EventTime(microseconds: time), "before_time")
        }
        writer.bool(dryRun, "dry_run")
        writer.endObject()
        return try await ControlCall.post("/api/v1/log/prune", writer.text, at: point)
    }

    private func prune(
        _ log: EventLog<MailEventCodec>, _ limits: PruneLimits
    ) throws -> JSONValue {
        let directory = try options.directory()
        if let before = log.reader.pruned?.archive, !before.isEmpty, archive == nil, !noArchive {
            complain(
                "waybill: the segments before are in the archive \(before): give --archive"
                    + " \(before), or --no-archive when these are to go without a copy.")
            throw Exit.unavailable
        }
        var writer = JSONWriter()
        try reading {
            PruningWork.tidy(log.reader, directory)
            let queue = try Queue.loadReadOnly(dataDirectory: directory, log: log.reader).state
            let standbys = try StandbySlot.load(StandbySlot.path(dataDirectory: directory))
                .filter { !$0.isGivenUp }.map(\.firstNeeded).min()
            let work = PruningWork(
                reader: log.reader, dataDirectory: directory, archive: archive ?? "",
                needed: { () throws(EventLogError) in min(queue.firstNeeded, standbys ?? .max) })
            try work.run(limits, isDryRun: dryRun).write(to: &writer)
        }
        return JSONValue(writer.bytes) ?? .null
    }

    private func show(_ answer: JSONValue) {
        let segments = answer["segments"].elements
        let stop =
            switch answer["stopped_by"].text {
            case "needed":
                "event \(answer["needed_sequence"].text) is needed: by a message that waits, by a standby,"
                    + " or by the backup"
            case "active": "the next segment is being written"
            default: "the next segment is to be kept"
            }
        guard !segments.isEmpty else { return print("nothing to prune: \(stop)") }
        var table = Table(["SEGMENT", ">FIRST", ">LAST", ">SIZE", "LAST EVENT"])
        for segment in segments {
            table.add([
                segment["file"].text, segment["first_sequence"].text,
                segment["last_sequence"].text, Human.size(segment["octets"].number),
                segment["last_time"].text,
            ])
        }
        table.printLines()
        print(
            (answer["dry_run"].isTrue ? "would give back " : "gave back ")
                + Human.size(answer["octets"].number)
                + (answer["archived"].isTrue && !answer["dry_run"].isTrue ? ", archived" : "")
                + "; the first event kept is \(answer["first_sequence"].text) (\(stop))")
    }
}
