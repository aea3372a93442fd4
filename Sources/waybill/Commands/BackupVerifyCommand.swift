import ArgumentParser
import Backup
import ConfigurationFile
import EventLog
import Glibc
import MailEvents
import MailModel

/// `waybill backup verify`: restores an archive to scratch and compares it with the live node.
struct BackupVerify: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Prove a backup: read, restore, replay, compare.",
        discussion: """
            Reads every object, restores the log to a scratch directory with every check, replays all
            projections, and compares chain and digests with the live node's at the same sequence.
            Without --data there is no live node to compare with; the rest is done.
            A running server does this by itself (backup.verify_every).

            Exit code 0: proved. 1: something is wrong; each finding is one line that names the object.
            75: the storage does not answer. 78: the key is wrong.

            Examples:
              waybill backup verify --data /var/lib/waybill --config /etc/waybill/waybill.yaml
              waybill backup verify --archive s3://backup/mail --scratch /var/tmp --json
            """)

    @OptionGroup var place: BackupOptions

    @Option(
        help: "Data directory of the live node. Default: $WAYBILL_DATA, or the configuration's.")
    var data: String?

    @Option(help: "Where to restore to; a directory of its own is made there, and removed.")
    var scratch: String?

    @Flag(help: "One JSON object, for programs.")
    var json = false

    func run() throws {
        try archiving {
            let (settings, configuration) = try place.settings()
            let live = try liveNode(configuration?.dataDirectory)
            let archive = try place.openArchive(logID: live?.log.logID())
            let parent =
                scratch ?? (settings.scratchDirectory.isEmpty ? nil : settings.scratchDirectory)
                ?? live?.data ?? "/var/tmp"
            let copies = ScratchPlace(prefix: ".backup-verify-")
            do {
                try copies.removeLeftovers(in: parent)
            } catch {
                complain("waybill: the copy of an earlier verification stays: \(error)")
            }
            var verification = BackupVerification(
                archive: archive, scratch: copies.path(in: parent), live: live)
            let bars = StageBars()
            verification.progress = { bars.show($0, $1, $2) }
            let report = try verification.run()
            bars.finish()
            if let live { try? BackupFolder(data: live.data).note(report.figures) }
            if json { print(text(report)) } else { show(archive, report, hasLive: live != nil) }
            guard report.isWell else { throw Exit.found }
        }
    }

    private func liveNode(_ configured: String?) throws -> (data: String, log: LogReader)? {
        guard let directory = data ?? DataOptions.environmentDirectory() ?? configured else {
            return nil
        }
        do {
            return (directory, try LogReader.open(directory: DataDirectory.log(directory)))
        } catch {
            // What was not asked for need not be there.
            guard data == nil else { throw error }
            return nil
        }
    }

    private func show(_ archive: Archive, _ report: BackupVerification.Report, hasLive: Bool) {
        for finding in report.findings { print("FOUND: \(finding)") }
        print(
            "read \(report.check.objects) object(s), \(Human.size(Int(report.check.octets)))"
                + (report.check.leftovers > 0
                    ? ", \(report.check.leftovers) of earlier writers" : ""))
        if let restore = report.restore {
            print(
                "restored to sequence \(restore.position.sequence), chain "
                    + "\(hex(restore.position.chainHash)), "
                    + RestoreText.rate(restore))
        }
        for (name, digest, isEqual) in report.projections {
            let verdict = !hasLive ? "replayed" : isEqual ? "equal to the live node" : "DIFFERS"
            print("\(name): \(verdict), digest \(hex(digest))")
        }
        print(
            report.isWell
                ? "the backup is proved" + (hasLive ? "" : " (without a live node to compare with)")
                : "the backup is NOT what it must be: \(report.findings.count) finding(s)")
    }

    private func text(_ report: BackupVerification.Report) -> String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.bool(report.isWell, "proved")
        writer.number(report.check.objects, "objects")
        writer.number(report.check.octets, "octets")
        writer.number(report.milliseconds, "milliseconds")
        if let restore = report.restore {
            writer.number(restore.position.sequence, "sequence")
            writer.hex(restore.position.chainHash, "chain_hash")
            writer.number(restore.milliseconds, "restore_milliseconds")
        }
        writer.beginArray("projections")
        for (name, digest, isEqual) in report.projections {
            writer.beginObject()
            writer.string(name, "name")
            writer.hex(digest, "digest")
            writer.bool(isEqual, "equal")
            writer.endObject()
        }
        writer.endArray()
        writer.beginArray("findings")
        for finding in report.findings { writer.string(finding) }
        writer.endArray()
        writer.endObject()
        return writer.text
    }
}
