import ArgumentParser
import Backup
import ConfigurationFile
import EventLog
import MailEvents
import MailModel

/// `waybill backup`: the archive of the log.
struct BackupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "The archive of the log: make it, list it, prove it, prune it.",
        discussion: """
            A server with a section `backup` in its configuration archives by itself, every batch within
            seconds. docs/operations/backup.md tells how to set it up and what to do at 3 a.m.
            """,
        subcommands: [
            BackupCreate.self, BackupList.self, BackupVerify.self, BackupPrune.self,
        ])
}

/// `waybill backup create`: archives what is not archived.
struct BackupCreate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Archive everything that is not archived yet.",
        discussion: """
            Of a stopped server, or one that does not archive by itself. Beside one that does, this
            waits until everything that is in the log now is archived.
            Exit code 0: it is all there. 1: the archive is another writer's, or does not fit. 75: the
            storage does not answer.

            Examples:
              waybill backup create --data /var/lib/waybill --archive /mnt/backup
              waybill backup create --data /var/lib/waybill --config /etc/waybill/waybill.yaml
            """)

    @OptionGroup var options: DataOptions
    @OptionGroup var place: BackupOptions

    func run() throws {
        let log = try options.openLog()
        let directory = try options.directory()
        try archiving {
            let archive = try place.openArchive(logID: log.logID(), creates: true)
            let last = try log.lastSequence()
            guard let lock = try BackupFolder(data: directory).lock() else {
                return try wait(for: last, archive)
            }
            defer { withExtendedLifetime(lock) {} }
            let identity = try BackupFolder(data: directory).identity(
                epoch: log.info().position.epoch)
            let writer = try ArchiveWriter(archive, log: log, identity: identity)
            let before = writer.position.sequence
            let octets = try ship(writer, through: last)
            if let (_, configuration) = try? place.settings(), let configuration {
                try writer.archive(
                    SiteGathering.files(
                        configuration, file: place.config, withSecrets: archive.key != nil))
            }
            show(archive, from: before, to: writer.position, octets: octets)
        }
    }

    private func ship(_ writer: ArchiveWriter, through last: UInt64) throws -> UInt64 {
        let before = writer.position.sequence
        let bar = Progress(title: "archiving", total: Int(max(last, before) - before))
        defer { bar.finish() }
        var octets: UInt64 = 0
        while true {
            switch try writer.step() {
            case .atEnd: return octets
            case .archived(let through, let more):
                octets += more
                bar.show(Int(min(through, last) - min(before, last)))
            case .segment(_, _, let more): octets += more
            }
        }
    }

    /// The server archives: until it is that far.
    private func wait(for last: UInt64, _ archive: Archive) throws {
        var head = try archive.head()?.head
        let before = head?.position.sequence ?? 0
        let bar = Progress(title: "waiting for the server", total: Int(max(last, before) - before))
        defer { bar.finish() }
        let started = SystemClock.monotonicMilliseconds()
        var moved = started
        while head.map({ $0.position.sequence < last }) ?? true {
            let next = try archive.head()?.head
            let now = SystemClock.monotonicMilliseconds()
            if next?.position != head?.position { moved = now }
            guard now - moved < 60_000 else {
                throw ArchiveError(
                    .inaccessible,
                    "another process archives this log, and has not gone on for a"
                        + " minute", object: archive.store.place,
                    hint: "See the server's log and waybill_backup_working in its metrics.")
            }
            head = next
            bar.show(Int(min(head?.position.sequence ?? 0, last) - min(before, last)))
            _ = Monitor(()).wait(milliseconds: 100, while: { _ in true })
        }
        if let head { show(archive, from: before, to: head.position, octets: 0) }
    }

    private func show(
        _ archive: Archive, from before: UInt64, to position: Position, octets: UInt64
    ) {
        guard options.json else {
            let new = position.sequence - min(before, position.sequence)
            return print(
                "\(archive.store.place): archived to sequence \(position.sequence), epoch "
                    + "\(position.epoch), \(new) event(s) new, \(Human.size(Int(octets))) written"
                    + (archive.key == nil ? "" : ", encrypted"))
        }
        var writer = JSONWriter()
        writer.beginObject()
        writer.string(archive.store.place, "archive")
        writer.hex(archive.logID, "log_id")
        writer.number(position.epoch, "epoch")
        writer.number(position.sequence, "sequence")
        writer.hex(position.chainHash, "chain_hash")
        writer.number(before, "sequence_before")
        writer.number(octets, "octets_written")
        writer.bool(archive.key != nil, "encrypted")
        writer.endObject()
        print(writer.text)
    }
}

/// `waybill backup prune`: removes what nothing would be restored from.
struct BackupPrune: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune", abstract: "Remove what an archive does not need.",
        discussion: """
            That is: batches whose segment is archived too, what a writer put after another one had
            taken over, and old configurations. Events are never pruned: a log is replayed from its
            first one.

            Examples:
              waybill backup prune --archive /mnt/backup --dry-run
              waybill backup prune --config /etc/waybill/waybill.yaml
            """)

    @OptionGroup var place: BackupOptions

    @Flag(help: "Only tell what would be removed.")
    var dryRun = false

    @Flag(help: "Keep what earlier writers put after another one had taken over.")
    var keepLeftovers = false

    @Option(help: "How many configurations stay. Default: backup.keep_configurations, or 30.")
    var keepConfigurations: Int?

    @Flag(help: "One JSON object, for programs.")
    var json = false

    func run() throws {
        try archiving {
            let archive = try place.openArchive(logID: nil)
            let count =
                try keepConfigurations ?? place.settings().settings.configurationsKept
            let plan = ArchivePrune.plan(
                try ArchiveCatalog(archive), keepsLeftovers: keepLeftovers,
                siteCount: max(1, count))
            if !dryRun {
                let bar = Progress(title: "removing", total: plan.all.count)
                defer { bar.finish() }
                try ArchivePrune.run(plan, in: archive) { bar.show($0) }
            }
            show(plan)
        }
    }

    private func show(_ plan: ArchivePrune.Plan) {
        guard json else {
            return print(
                (dryRun ? "would remove " : "removed ")
                    + "\(plan.covered.count) object(s) of batches that a segment holds too, "
                    + "\(plan.leftovers.count) of earlier writers, "
                    + "\(plan.sites.count) configuration(s); \(Human.size(Int(plan.octets)))")
        }
        var writer = JSONWriter()
        writer.beginObject()
        writer.bool(!dryRun, "removed")
        writer.number(plan.covered.count, "covered")
        writer.number(plan.leftovers.count, "leftovers")
        writer.number(plan.sites.count, "configurations")
        writer.number(plan.octets, "octets")
        writer.endObject()
        print(writer.text)
    }
}
