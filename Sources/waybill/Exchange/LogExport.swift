import ArgumentParser
import EventLog
import Glibc
import LogExchange
import MailEvents
import MailModel

extension ExportFormat: ExpressibleByArgument {}

/// `waybill log export`: events as files that other programs read.
struct LogExport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write events to a file: our JSON, KumoMTA's log records, PowerMTA's CSV.",
        discussion: """
            The file appears under its name only when it is complete. Compressed ones are in Zstandard's
            seekable format, which zstdcat reads; they say where they ended, so that --append or --after
            goes on there. Works beside a running server.
            Exit code 0: complete. 1: the log is damaged. 65: --after or --append names a file that does
            not fit. 69: no log. 73: the output cannot be made. 74: it cannot be written.
            Examples:
              waybill log export --output events.ndjson.zst --since 24h
              waybill log export --format kumomta --output kumo.zst --append
              waybill log export --format powermta --type bounced --type expired | mail-report
            """)

    /// How the lines are compressed.
    enum Compression: String, CaseIterable, ExpressibleByArgument { case zstd, none }

    @OptionGroup var options: DataOptions
    @OptionGroup var filter: EventFilter
    @Option(help: "ndjson, kumomta or powermta.") var format = ExportFormat.ndjson
    @Option(name: .shortAndLong, help: "The file; - for standard output.") var output = "-"
    @Option(help: "From this sequence, or from this time: 24h, 2026-11-21T09:00 (UTC).")
    var since: LogPoint?
    @Option(help: "Through this sequence, or before this time.") var until: LogPoint?
    @Flag(help: "Go on in the file where it ended; it is made when it is not there.")
    var append = false
    @Option(help: "Begin where this other export ended.") var after: String?
    @Flag(help: "Replace the file.") var force = false
    @Option(help: "zstd or none. Default: zstd, of powermta none.") var compress: Compression?
    @Option(help: "Zstandard's level, 1 to 19.") var level: Int32 = 3
    @Option(help: "Close a frame after so many octets of lines.") var frameOctets = 4 << 20

    /// What is done about compression.
    var isCompressed: Bool { (compress ?? (format == .powermta ? .none : .zstd)) == .zstd }

    func validate() throws {
        if append, output == "-" { throw ValidationError("--append needs --output FILE") }
        if append, !isCompressed {
            throw ValidationError(
                "an uncompressed export does not say where it ended: use --compress zstd with "
                    + "--append, or --since with the next_sequence that --json printed")
        }
        if append, since != nil || after != nil || force {
            throw ValidationError(
                "--append begins where the file ended: leave --since, --after "
                    + "and --force out")
        }
        if since != nil, after != nil {
            throw ValidationError("--after and --since both say where to begin: leave one out")
        }
        guard ExchangeLimits.levels.contains(level) else {
            throw ValidationError("--level is from 1 to 19")
        }
        guard ExchangeLimits.frameOctets.contains(frameOctets) else {
            throw ValidationError("--frame-octets is from 4096 to 268435456")
        }
        if output == "-", isCompressed, isatty(STDOUT_FILENO) == 1 {
            throw ValidationError(
                "standard output is a terminal: say --output FILE, --compress none, or pipe it "
                    + "into zstdcat")
        }
    }

    func run() throws {
        let log = try options.openLog()
        try reading { try exporting { try run(log) } }
    }

    private func run(_ log: LogReader) throws {
        let info = try log.info()
        let plan = try plan(log, info)
        let file = try ExportFile.make(plan, output: output, replaces: force || append)
        let result: ExportRun.Result
        do {
            let run = ExportRun(plan: plan, log: log, file: file)
            result = try run.run { filter.matches($0) }
            try file.complete()
        } catch {
            file.discard()
            throw error
        }
        show(result)
    }

    /// What will be exported: where it begins and ends, and what there is already.
    private func plan(_ log: LogReader, _ info: LogInfo) throws -> ExportPlan {
        var plan = ExportPlan(
            format: format, isCompressed: isCompressed, level: level, frameOctets: frameOctets,
            logID: info.logID, selection: filter.selection, first: log.firstSequence,
            last: try log.lastSequence())
        if let until { plan.last = min(plan.last, try until.last(in: log)) }
        if let since { plan.first = try since.first(in: log) }
        if let after {
            plan.first = try ExportFile.tail(of: after).fitting(plan, after).nextSequence
        }
        if append, try ExportFile.exists(output) {
            let tail = try ExportFile.tail(of: output)
            let mark = try tail.fitting(plan, output)
            plan.first = mark.nextSequence
            plan.continued = (output, tail)
        }
        return plan
    }

    private func show(_ result: ExportRun.Result) {
        var text: String
        if options.json {
            text = result.json(format, output: output)
        } else {
            text =
                "\(result.events) events read, \(result.records) records in "
                + Human.size(Int(result.fileOctets))
            if isCompressed { text += " (\(Human.size(Int(result.rawOctets))) of lines)" }
            text += "; next sequence \(result.nextSequence)"
        }
        // Beside the records nothing else goes to standard output.
        if output == "-" { complain(text) } else { print(text) }
    }
}

extension EventFilter {
    /// The options as text, the same for the same options; empty for none.
    fileprivate var selection: String {
        var parts = type.sorted().map { "type=" + $0 }
        for (name, value) in [
            ("message", message), ("recipient", recipient), ("tenant", tenant),
            ("campaign", campaign),
        ] {
            if let value { parts.append("\(name)=\(value)") }
        }
        return parts.joined(separator: " ")
    }
}

extension ExportTail {
    /// The mark, if an export as planned can go on after it.
    fileprivate func fitting(_ plan: ExportPlan, _ path: String) throws -> ExportMark {
        if mark.logID != plan.logID {
            throw ExportProblem(.data, "\(path) is an export of another log (\(hex(mark.logID)))")
        }
        if mark.format != plan.format {
            throw ExportProblem(
                .data,
                "\(path) is in the format \(mark.format.rawValue): say --format "
                    + mark.format.rawValue)
        }
        if mark.selection != plan.selection {
            let said = mark.selection.isEmpty ? "all events" : mark.selection
            throw ExportProblem(
                .data, "\(path) was made with other filters (\(said)): give the same ones")
        }
        return mark
    }
}

extension LogPoint {
    /// The first sequence of what begins here.
    fileprivate func first(in log: LogReader) throws -> UInt64 {
        switch self {
        case .sequence(let sequence): max(1, sequence)
        case .time: try before.sequence(in: log) + 1
        }
    }

    /// The last sequence of what ends here.
    fileprivate func last(in log: LogReader) throws -> UInt64 {
        try before.sequence(in: log)
    }

    /// A time as the microsecond before it; a sequence as it is.
    private var before: LogPoint {
        guard case .time(let time) = self else { return self }
        let instant = EventTime(
            microseconds: time.time(now: SystemClock.now()).microseconds - 1)
        return TimePoint(instant.description).map { .time($0) } ?? self
    }
}

/// Runs `body`; a problem with files becomes a line and an exit code.
func exporting(_ body: () throws -> Void) throws {
    do {
        try body()
    } catch let problem as ExportProblem {
        complain("waybill: \(problem.message)")
        throw problem.exit
    }
}
