import ArgumentParser
import Backup
import EventLog
import MailEvents
import MailModel

/// `waybill backup list`: what is in an archive.
struct BackupList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "What an archive holds, and up to where it can be restored.",
        discussion: """
            Examples:
              waybill backup list --archive /mnt/backup
              waybill backup list --config /etc/waybill/waybill.yaml --json
            """)

    @OptionGroup var place: BackupOptions

    @Flag(help: "Every object, too.")
    var objects = false

    @Flag(help: "One JSON object a log, for programs.")
    var json = false

    func run() throws {
        try archiving {
            let here = try BackupPlace(place.settings().settings, creates: false)
            var logs = try Archive.logs(in: here.store)
            if let asked = place.log.flatMap({ Hex.bytes($0) }) { logs = [asked] }
            guard !logs.isEmpty else {
                throw ArchiveError(
                    .notFound, "there is no archive of any log", object: here.store.place)
            }
            for logID in logs {
                let archive = Archive(store: here.store, logID: logID, key: here.key)
                let catalog = try ArchiveCatalog(archive)
                if json { print(text(catalog)) } else { show(archive, catalog) }
            }
        }
    }

    private struct Count {
        var segments = 0
        var tails = 0
        var leftovers = 0

        init(_ catalog: ArchiveCatalog) {
            for item in catalog.items {
                if !catalog.isPart(item) {
                    leftovers += 1
                } else if case .segment = item.name {
                    segments += 1
                } else {
                    tails += 1
                }
            }
        }
    }

    private func show(_ archive: Archive, _ catalog: ArchiveCatalog) {
        let (head, count) = (catalog.head, Count(catalog))
        print("log \(Hex.text(head.logID)) in \(archive.store.place)")
        print(
            "  archived to sequence \(head.position.sequence), epoch \(head.position.epoch), at "
                + EventLine.time(EventTime(microseconds: head.time)) + " UTC")
        print(
            "  \(count.segments) segment(s), \(count.tails) object(s) of the tail, "
                + "\(catalog.sites.count) configuration(s), \(Human.size(Int(catalog.octets)))")
        for line in head.lines {
            print("  epoch \(line.epoch) writes from sequence \(line.after + 1)")
        }
        if count.leftovers > 0 {
            print("  \(count.leftovers) object(s) of earlier writers that are no part of it")
        }
        for name in catalog.strangers { print("  unknown: \(name)") }
        if let missing = catalog.plan().missing {
            print("  missing: sequences \(missing.lowerBound) to \(missing.upperBound)")
        }
        guard objects else { return }
        var table = Table(["OBJECT", ">OCTETS", ""])
        for item in catalog.items + catalog.sites {
            table.add([
                item.name.path, String(item.octets), catalog.isPart(item) ? "" : "leftover",
            ])
        }
        table.printLines()
    }

    private func text(_ catalog: ArchiveCatalog) -> String {
        let (head, count) = (catalog.head, Count(catalog))
        var writer = JSONWriter()
        writer.beginObject()
        writer.hex(head.logID, "log_id")
        writer.hex(head.archiveID, "archive_id")
        writer.number(head.epoch, "epoch")
        writer.number(head.position.sequence, "sequence")
        writer.hex(head.position.chainHash, "chain_hash")
        writer.time(EventTime(microseconds: head.time), "time")
        writer.number(count.segments, "segments")
        writer.number(count.tails, "tail_objects")
        writer.number(count.leftovers, "leftovers")
        writer.number(catalog.sites.count, "configurations")
        writer.number(catalog.octets, "octets")
        if let missing = catalog.plan().missing {
            writer.number(missing.lowerBound, "missing_from")
            writer.number(missing.upperBound, "missing_to")
        }
        if objects {
            writer.beginArray("objects")
            for item in catalog.items + catalog.sites {
                writer.beginObject()
                writer.string(item.name.path, "name")
                writer.number(item.octets, "octets")
                writer.bool(catalog.isPart(item), "part")
                writer.endObject()
            }
            writer.endArray()
        }
        writer.endObject()
        return writer.text
    }
}
