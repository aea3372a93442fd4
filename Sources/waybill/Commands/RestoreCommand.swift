import ArgumentParser
import Backup
import EventLog
import Glibc
import MailEvents
import MailModel
import Synchronization

/// `waybill restore`: a data directory from an archive.
struct RestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Make a data directory from an archive, up to any event.",
        discussion: """
            The data directory must not exist, or be empty; it gets its name when it is complete. Every
            batch and every message is checked on the way. The next `waybill serve` there begins a new
            epoch, and refuses to archive into the archive that it came from: give it another path.
            Stop the old server first, for good: what it sends from now on, this one sends again.

            Exit code 0: restored. 1: the archive is damaged, or does not go so far. 75: the storage
            does not answer. 78: the key is wrong.

            Examples:
              waybill restore --archive /mnt/backup --to /var/lib/waybill
              waybill restore --archive s3://backup/mail --key backup.key --to /srv/mail \\
                --to-time 2026-11-21T09:00
              waybill restore --archive /mnt/backup --to /srv/mail --to-sequence 123456
            """)

    @OptionGroup var place: BackupOptions

    @Option(help: "The new data directory.")
    var to: String

    @Option(help: "End with this event.")
    var toSequence: UInt64?

    @Option(help: "End with the last event at or before this time (2026-11-21T09:00, 24h).")
    var toTime: TimeArgument?

    @Flag(help: "End with the last event that is archived: the default.")
    var latest = false

    @Option(help: "Objects that are read at once.")
    var parallel = BackupLimits.parallelReads

    @Flag(help: "One JSON object, for programs.")
    var json = false

    func validate() throws {
        let ends = [toSequence != nil, toTime != nil, latest].filter(\.self).count
        guard ends <= 1 else {
            throw ValidationError("give one of --to-sequence, --to-time and --latest")
        }
        guard (1...64).contains(parallel) else {
            throw ValidationError("--parallel: from 1 to 64")
        }
        guard toSequence != 0 else { throw ValidationError("--to-sequence: from 1") }
    }

    func run() throws {
        try archiving {
            let archive = try place.openArchive(logID: nil)
            let target: RestoreTarget =
                if let toSequence {
                    .sequence(toSequence)
                } else if let toTime {
                    .time(toTime.time(now: SystemClock.now()).microseconds)
                } else {
                    .latest
                }
            var directory = to
            while directory.count > 1, directory.hasSuffix("/") { directory.removeLast() }
            guard try Self.isFree(directory) else {
                throw FileProblem(
                    description:
                        "\(directory) exists and is not empty; give the name of a directory"
                        + " that does not exist yet")
            }
            let temporary = directory + ".restoring"
            try BackupVerification.clear(temporary)
            do {
                try restore(archive, target, through: temporary, to: directory)
            } catch {
                try? BackupVerification.clear(temporary)
                throw error
            }
        }
    }

    private func restore(
        _ archive: Archive, _ target: RestoreTarget, through temporary: String,
        to directory: String
    ) throws {
        try DataDirectory.create(temporary)
        let run = LogRestore(
            archive, codec: MailEventCodec(), to: target, shorten: MailShortening.shorten)
        run.readers = parallel
        let bars = StageBars()
        run.progress = { progress in
            // In MiB: objects differ too much in size.
            bars.show(
                "restoring, MiB", Int(progress.octets >> 20), Int(progress.octetCount >> 20) + 1)
        }
        let report = try run.run(into: DataDirectory.log(temporary))
        bars.finish()
        try BackupFolder(data: temporary).note(report, place: archive.store.place)
        var files: [String] = []
        if let site = try archive.newestSite(ArchiveCatalog(archive)) {
            files = try SiteGathering.write(site, to: temporary + "/configuration").map {
                $0.replacing(temporary, with: directory)
            }
        }
        guard unsafe rename(temporary, directory) == 0 else {
            throw FileProblem(
                description: "cannot rename \(temporary): \(FileProblem.ofErrno().description)")
        }
        try Self.flushParent(of: directory)
        if json {
            print(RestoreText.json(report, directory))
        } else {
            RestoreText.show(report, directory, files)
        }
    }

    private static func isFree(_ path: String) throws(FileProblem) -> Bool {
        guard let handle = unsafe opendir(path) else {
            if errno == ENOENT { return true }
            throw .ofErrno()
        }
        defer { unsafe _ = closedir(handle) }
        var count = 0
        while unsafe readdir(handle) != nil { count += 1 }
        return count <= 2
    }

    private static func flushParent(of path: String) throws(FileProblem) {
        let slash = path.lastIndex(of: "/")
        let parent = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = unsafe open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .ofErrno() }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .ofErrno() }
    }
}

/// A restore's report, in words and in JSON.
enum RestoreText {
    /// `1.2 GiB in 4.0 s, 300 MiB/s`.
    static func rate(_ report: RestoreReport) -> String {
        let milliseconds = Int64(max(1, report.milliseconds))
        let perSecond = Int(Double(report.octets) / Double(milliseconds) * 1000)
        let events = Int(Double(report.position.sequence) / Double(milliseconds) * 1000)
        return
            "\(Human.size(Int(report.octets))) in \(Human.duration(milliseconds: milliseconds)), "
            + "\(Human.size(perSecond))/s, \(events) events/s"
    }

    static func show(_ report: RestoreReport, _ directory: String, _ files: [String]) {
        let time =
            report.lastTime.map { EventLine.time(EventTime(microseconds: $0)) + " UTC" } ?? "-"
        print(
            "restored \(directory) to sequence \(report.position.sequence) (\(time)), chain "
                + "\(hex(report.position.chainHash))")
        print("\(report.objects) object(s), \(rate(report))")
        if report.position.sequence < report.archived.sequence {
            print(
                "the archive goes on to sequence \(report.archived.sequence): what is behind is not"
                    + " in this directory")
        }
        if report.cutsBatch {
            print(
                "the end is within a batch, which was encoded anew without its last events; what would"
                    + " have been a part of a message is left out")
        }
        for line in files { print(line) }
        print(
            "the next `waybill serve --data \(directory)` begins epoch \(report.nextEpoch), and"
                + " archives to another path only")
    }

    static func json(_ report: RestoreReport, _ directory: String) -> String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.string(directory, "data")
        writer.hex(report.logID, "log_id")
        writer.number(report.position.epoch, "epoch")
        writer.number(report.position.sequence, "sequence")
        writer.hex(report.position.chainHash, "chain_hash")
        if let time = report.lastTime { writer.time(EventTime(microseconds: time), "time") }
        writer.number(report.nextEpoch, "next_epoch")
        writer.number(report.archived.sequence, "archived_sequence")
        writer.bool(report.cutsBatch, "cuts_batch")
        writer.number(report.objects, "objects")
        writer.number(report.octets, "octets")
        writer.number(report.milliseconds, "milliseconds")
        writer.endObject()
        return writer.text
    }
}

/// Progress bars of work in stages, one after the other.
///
/// Concurrency: any thread.
final class StageBars: Sendable {
    private let current = Mutex<(title: String, bar: Progress)?>(nil)

    /// Shows how far a stage is.
    func show(_ title: String, _ done: Int, _ total: Int) {
        current.withLock { current in
            if current?.title != title {
                current?.bar.finish()
                current = (title, Progress(title: title, total: total))
            }
            current?.bar.show(done)
        }
    }

    /// Removes the bar.
    func finish() { current.withLock { $0?.bar.finish() } }
}
