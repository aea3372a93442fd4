import ArgumentParser
import EventLog
import Glibc
import MailEvents
import MailModel

/// `waybill log info`: segments, sizes, positions.
struct LogInfoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "What the log holds: segments, events, sizes, position.")

    @OptionGroup var options: DataOptions

    func run() throws {
        let log = try options.openLog()
        try reading {
            let info = try log.info()
            if options.json { print(json(info)) } else { show(info) }
        }
    }

    private func show(_ info: LogInfo) {
        print("log       \(hex(info.logID))")
        print("position  epoch \(info.position.epoch), sequence \(info.position.sequence)")
        print("chain     \(hex(info.position.chainHash))")
        for start in info.epochs {
            print("epoch     \(start.epoch) from sequence \(start.firstSequence)")
        }
        let batches = max(1, info.batchCount)
        print(
            "events    \(info.eventCount) in \(info.batchCount) batches "
                + "(\(Human.decimal(Double(info.eventCount) / Double(batches), places: 1)) a batch)"
        )
        if let pruned = info.pruned {
            print(
                "pruned    before sequence \(pruned.firstSequence), at "
                    + EventLine.time(EventTime(microseconds: pruned.prunedAt))
                    + (pruned.archive.isEmpty ? "" : ", archived in \(pruned.archive)"))
        }
        print("on disk   \(Human.size(Int(info.fileBytes)))")
        if let first = info.firstTime, let last = info.lastTime {
            print(
                "time      \(EventLine.time(EventTime(microseconds: first))) to "
                    + EventLine.time(EventTime(microseconds: last)))
        }
        print("")
        var table = Table([
            "SEGMENT", ">FIRST", ">LAST", ">BATCHES", ">BLOCKS", ">SIZE", "CREATED", "STATE",
        ])
        for segment in info.segments {
            table.add([
                String(segment.path.split(separator: "/").last ?? ""),
                String(segment.firstSequence), String(segment.lastSequence),
                String(segment.batchCount), String(segment.contentBlockCount),
                Human.size(Int(segment.fileBytes)),
                EventLine.time(EventTime(microseconds: segment.createdAt)),
                segment.compactedAt != nil
                    ? "compacted" : segment.isSealed ? "sealed" : "active",
            ])
        }
        table.printLines()
    }

    private func json(_ info: LogInfo) -> String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.hex(info.logID, "log_id")
        writer.number(info.position.epoch, "epoch")
        writer.number(info.position.sequence, "sequence")
        writer.hex(info.position.chainHash, "chain_hash")
        writer.number(info.eventCount, "events")
        writer.number(info.batchCount, "batches")
        writer.number(info.fileBytes, "file_bytes")
        if let pruned = info.pruned {
            writer.beginObject("pruned")
            writer.number(pruned.firstSequence, "first_sequence")
            writer.hex(pruned.cut.chainHash, "previous_chain_hash")
            writer.time(EventTime(microseconds: pruned.prunedAt), "time")
            writer.string(pruned.archive, "archive")
            writer.beginArray("bases")
            for base in pruned.bases {
                writer.beginObject()
                writer.string(base.name, "name")
                writer.number(base.version, "version")
                writer.hex(base.digest, "digest")
                writer.endObject()
            }
            writer.endArray()
            writer.endObject()
        }
        writer.beginArray("segments")
        for segment in info.segments {
            writer.beginObject()
            writer.string(segment.path, "path")
            writer.number(segment.firstSequence, "first_sequence")
            writer.number(segment.lastSequence, "last_sequence")
            writer.number(segment.batchCount, "batches")
            writer.number(segment.contentBlockCount, "content_blocks")
            writer.number(segment.fileBytes, "file_bytes")
            writer.time(EventTime(microseconds: segment.createdAt), "created")
            writer.bool(segment.isSealed, "sealed")
            writer.bool(segment.compactedAt != nil, "compacted")
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.text
    }
}

/// Lower-case hexadecimal.
func hex(_ octets: [UInt8]) -> String {
    octets.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
}

/// `waybill log verify`: structure, checksums, gapless sequences, chain, content.
struct LogVerify: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check everything: files, checksums, sequences, hash chain, content.",
        discussion: """
            Changes nothing, and works beside a running server.
            Exit code 0: the log is whole. 1: damage was found; every damage is one line with the
            file, the sequences and what to do.
            """)

    @OptionGroup var options: DataOptions

    @Option(help: "Begin with the batch that contains this sequence.")
    var from: UInt64 = 1

    func run() throws {
        let log = try options.openLog()
        let bar = Progress(title: "verifying", total: Int((try? log.lastSequence()) ?? 1))
        let report = log.verify(codec: MailEventCodec(), from: from) {
            bar.show(Int($0.sequence))
        }
        bar.finish()
        if options.json { print(json(report)) } else { show(report) }
        guard report.isIntact else { throw Exit.found }
    }

    private func show(_ report: VerifyReport) {
        for damage in report.damages { print("damaged: \(damage)") }
        if report.damageCount > report.damages.count {
            print("... and \(report.damageCount - report.damages.count) more")
        }
        let looked =
            "\(report.events) events in \(report.batches) batches, \(report.contents) messages, "
            + "\(report.segments) segment" + (report.segments == 1 ? "" : "s")
            + ", \(Human.size(Int(report.fileBytes)))"
        guard report.isIntact else {
            print(
                "\(report.damageCount) damage" + (report.damageCount == 1 ? "" : "s")
                    + "; read \(looked)")
            return
        }
        print("whole: \(looked)")
        if let position = report.position {
            print(
                "position epoch \(position.epoch), sequence \(position.sequence), "
                    + "chain \(hex(position.chainHash))")
        }
    }

    private func json(_ report: VerifyReport) -> String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.bool(report.isIntact, "intact")
        writer.number(report.events, "events")
        writer.number(report.batches, "batches")
        writer.number(report.contents, "contents")
        writer.number(report.segments, "segments")
        writer.number(report.fileBytes, "file_bytes")
        if let position = report.position {
            writer.number(position.epoch, "epoch")
            writer.number(position.sequence, "sequence")
            writer.hex(position.chainHash, "chain_hash")
        }
        writer.number(report.damageCount, "damage_count")
        writer.beginArray("damages")
        for damage in report.damages {
            writer.beginObject()
            writer.string(damage.file, "file")
            if let sequences = damage.sequences {
                writer.number(sequences.lowerBound, "first_sequence")
                writer.number(sequences.upperBound, "last_sequence")
            }
            writer.string(damage.what, "what")
            writer.string(damage.hint, "hint")
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.text
    }
}
