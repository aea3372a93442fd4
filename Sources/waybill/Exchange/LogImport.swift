import ArgumentParser
import EventLog
import Glibc
import LogExchange
import MailEvents
import MailModel

extension ImportFormat: ExpressibleByArgument {}

/// `waybill log import`: another server's history as a log of ours.
struct LogImport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Make a log from a log of KumoMTA or Postfix, for its history.",
        discussion: """
            The data directory must hold no events yet, and the log appears in it only when it is
            complete. There is no message content in it, and nothing of it will be sent: what was not
            final at the end of the log that is imported is recorded as given up.
            Exit code 0: imported; lines that could not be read are counted and the first ones shown.
            1: there was nothing to import. 65: --strict, and a line could not be read. 66: a file cannot
            be read. 73: the data directory holds a log, or cannot be used.
            Examples:
              waybill log import --data /var/lib/waybill-history /var/log/kumomta/2026*
              waybill log import --data history --utc-offset +01:00 /var/log/mail.log.1 /var/log/mail.log
            """)

    @Argument(
        help: "Files, plain or compressed with Zstandard, in any order; - for standard input.")
    var files: [String]
    @OptionGroup var options: DataOptions
    @Option(help: "kumomta or postfix. Default: as the first line looks.") var format: ImportFormat?
    @Option(help: "Year of each file's first line, where lines have none. Default: the latest.")
    var year: Int64?
    @Option(help: "Of the clock that wrote lines without an offset, for example +01:00.")
    var utcOffset = "+00:00"
    @Option(help: "Name of the site, for the log's first event.") var site = "imported"
    @Flag(help: "Fail at the first line that cannot be read, and leave nothing.") var strict = false

    func validate() throws {
        if files.isEmpty { throw ValidationError("say which files, or - for standard input") }
        if files.count > 1, files.contains("-") {
            throw ValidationError("standard input is imported alone")
        }
        if offsetSeconds == nil {
            throw ValidationError("--utc-offset is of the form +01:00 or -05:30")
        }
        if let year, !(1970...9_999).contains(year) {
            throw ValidationError("--year is from 1970 to 9999")
        }
    }

    private var offsetSeconds: Int64? {
        // The offset of an instant is what its time at midnight is away from it.
        guard utcOffset.utf8.count == 6, !utcOffset.hasPrefix(" "),
            let time = InstantText.parse("2000-01-01T00:00:00" + utcOffset),
            let midnight = InstantText.parse("2000-01-01")
        else { return nil }
        return (midnight.microseconds - time.microseconds) / 1_000_000
    }

    func run() async throws {
        do {
            try await load()
        } catch let problem as ExportProblem {
            complain("waybill: \(problem.message)")
            throw problem.exit
        } catch let error as ImportFileError {
            complain("waybill: \(error)")
            throw ExitCode(ExportProblem.Kind.noInput.rawValue)
        } catch let error as EventLogError {
            complain("waybill: \(error)")
            throw ExitCode(ExportProblem.Kind.cannotCreate.rawValue)
        }
    }

    private func load() async throws {
        let target = ImportTarget(directory: try options.directory())
        try target.check()
        let syslog = SyslogOptions(
            firstYear: year, offsetSeconds: offsetSeconds ?? 0, now: SystemClock.now())
        let history = try HistoryImport(
            paths: files, format: format, options: syslog,
            nextSequence: ImportRun.firstSequence, epoch: ImportRun.epoch)
        let run = ImportRun(
            history: history, target: target, site: site, isStrict: strict,
            totalOctets: files.reduce(0) { $0 + ImportTarget.octets(of: $1) })
        let result = try await run.run()
        if options.json { print(result.json) } else { result.show() }
        if result.counts.events == 0 { throw Exit.found }
    }
}
