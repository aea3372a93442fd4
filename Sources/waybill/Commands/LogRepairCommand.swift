import ArgumentParser
import CLinux
import EventLog
import MailEvents
import MailModel
import MailProjections
import Projections

/// `waybill log repair`: a new log of what a damaged one still holds.
struct LogRepairCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repair",
        abstract: "Make a new log of everything that a damaged one still holds.",
        discussion: """
            The old log is only read; its server must be stopped. The result is the log of a new data
            directory, which must not exist, or be empty. In the place of each event that is lost
            stands one of the type `lost`, so that sequences and message ids stay as they are. The
            new log has an id of its own, and what is written to it next begins a new epoch. A log to
            which a newer version of Waybill has written is refused: use that version.

            A backup, or a standby that has the position given for the old log, has what is lost:
            look there first. docs/operations/damage.md tells how.

            Exit code 0: everything was readable. 1: something is lost; it is listed. 69: nothing
            could be done, and nothing was made. 64: wrong usage.

            Examples:
              waybill log repair --data /var/lib/waybill --dry-run
              waybill log repair --data /var/lib/waybill --to /var/lib/waybill-repaired
            """)

    @OptionGroup var options: DataOptions

    @Option(help: "The new data directory. Made under DIR.repairing, renamed when it is complete.")
    var to: String?

    @Flag(help: "Only tell what can be read and what is lost.")
    var dryRun = false

    @Flag(
        help: """
            Also take batches that are whole and that neither a page nor the chain connects with the \
            log. A message made for the purpose could hold such a batch.
            """)
    var acceptUnproven = false

    @Flag(
        help: """
            Read segments that say to have a format of a newer version as if their record of it were \
            damaged. Only where no newer version has written to this log: what it wrote would be lost.
            """)
    var ignoreFormat = false

    func validate() throws {
        guard dryRun || to != nil else {
            throw ValidationError("say where the new log goes: --to DIR, or --dry-run")
        }
    }

    func run() throws {
        waybill_raise_open_files()
        let directory = try options.directory()
        let repair = LogRepair(
            directory: DataDirectory.log(directory), codec: MailEventCodec(),
            acceptsUnproven: acceptUnproven, ignoresFormats: ignoreFormat)
        let target = dryRun ? nil : to
        let report: RepairReport
        do throws(EventLogError) {
            report = try run(repair, target)
        } catch {
            complain("waybill: \(error)")
            throw Exit.unavailable
        }
        let isWhole = target.map { Self.adoptBases(from: directory, $0) } ?? true
        let queue = target.flatMap(Self.queue)
        let output = RepairOutput(report: report, data: directory, target: target, queue: queue)
        if options.json { print(output.json) } else { output.show() }
        guard report.isComplete, isWhole else { throw Exit.found }
    }

    private func run(
        _ repair: LogRepair<MailEventCodec>, _ target: String?
    ) throws(EventLogError) -> RepairReport {
        var bar: Progress?
        let show: (RepairProgress) -> Void = { progress in
            guard !progress.file.isEmpty else { return }
            let current =
                bar ?? Progress(title: "reading segments", total: progress.segmentCount)
            bar = current
            current.show(progress.segment)
        }
        defer { bar?.finish() }
        if let target { return try repair.write(to: target, progress: show) }
        return try repair.survey(progress: show)
    }

    /// Takes over the states as of the cut of a log that was pruned.
    ///
    /// - Returns: Whether they are there.
    private static func adoptBases(from old: String, _ new: String) -> Bool {
        do {
            let log = try LogReader.open(directory: DataDirectory.log(new))
            try BaseStore(directory: DataDirectory.projections(new)).adopt(
                BaseStore(directory: DataDirectory.projections(old)), for: log)
            return true
        } catch {
            complain(
                "waybill: the log was pruned, and the states as of its cut could not be taken over:"
                    + " \(error)")
            return false
        }
    }

    /// What waits for delivery in the new log; nil when that cannot be told.
    private static func queue(_ directory: String) -> Queue? {
        guard let log = try? LogReader.open(directory: DataDirectory.log(directory)) else {
            return nil
        }
        return try? Queue.loadReadOnly(dataDirectory: directory, log: log) { _ in }.state
    }
}
