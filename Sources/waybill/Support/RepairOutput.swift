import EventLog
import MailEvents
import MailModel
import MailProjections

/// A repair's report for people and for programs.
struct RepairOutput {
    let report: RepairReport
    /// The old data directory.
    let data: String
    /// The new one; nil when none was made.
    let target: String?
    /// What waits in the new log; nil when that is not known.
    let queue: Queue?

    /// Messages whose content is lost that a person is shown; the others are in the JSON.
    private static let shownMax = 100

    /// Prints tables and sentences.
    func show() {
        showFiles()
        showLostEvents()
        showLostContents()
        print(
            "read \(report.events) events in \(report.batches) batches, \(report.contents) messages; "
                + "lost \(report.lostEventCount) events, and the content of "
                + "\(report.lostContentCount) messages")
        if report.strayContents > 0 {
            print(
                "content without events: \(report.strayContents) messages; who they were for was "
                    + "lost with their events, so they are not in the new log")
        }
        if report.excludedBatches > 0 {
            print(
                "left out: \(report.excludedBatches) batches that are whole and not part of this log"
            )
        }
        if report.unprovenBatches > 0 {
            print(
                "of these, \(report.unprovenBatches) may be part of it, but nothing proves it: "
                    + "--accept-unproven takes them")
        }
        if let finding = report.beginningFinding {
            print(
                "\(finding): the new log begins at \(report.firstSequence), as the oldest file does. "
                    + "What stood before was pruned, or is lost")
        }
        if !report.isEndCertain {
            print("the log's end is lost: what followed the last event, if anything, is not known")
        }
        if let position = report.oldPosition {
            print("the old log could be read up to \(Self.text(position))")
        }
        showPlaces()
        if let target, let position = report.newPosition {
            print("written: \(target), up to \(Self.text(position))")
            print("next: waybill log verify --data \(target)")
        } else {
            print("nothing was written")
        }
    }

    private func showFiles() {
        var table = Table(["FILE", ">BATCHES", ">BLOCKS", "STATE"])
        for file in report.files {
            let state =
                !file.isThere
                ? "cannot be opened"
                : file.isScanned
                    ? "damaged, searched octet by octet"
                    : file.findings.isEmpty ? "whole" : "read through its tables"
            table.add([file.path, "\(file.batches)", "\(file.contentBlocks)", state])
        }
        table.printLines()
        for file in report.files {
            for finding in file.findings { print("damaged: \(finding) (file \(file.path))") }
        }
    }

    private func showLostEvents() {
        guard !report.lostEvents.isEmpty else { return }
        var table = Table(["LOST FROM", "TO", ">EVENTS", "AFTER", "BEFORE", "FILE"])
        for lost in report.lostEvents {
            table.add([
                "\(lost.sequences.lowerBound)", "\(lost.sequences.upperBound)", "\(lost.count)",
                Self.text(lost.after), Self.text(lost.before), lost.file,
            ])
        }
        table.printLines()
    }

    private func showLostContents() {
        guard report.lostContentCount > 0 else { return }
        var table = Table(["CONTENT LOST OF", "QUEUED", "FILE"])
        var shown = 0
        for lost in report.lostContents {
            for sequence in lost.messages where shown < Self.shownMax {
                let id = MessageID(epoch: lost.epoch, sequence: sequence)
                let queued = queue.map { $0.message(id) != nil ? "yes" : "no" } ?? "not known"
                table.add(["\(id)", queued, lost.file])
                shown += 1
            }
        }
        table.printLines()
        if report.lostContentCount > shown {
            print("... and \(report.lostContentCount - shown) more messages")
        }
    }

    /// Says where what is lost may be, and how to get it from there.
    private func showPlaces() {
        guard !report.isComplete else { return }
        print(Self.places)
        let ranges = lostRanges
        for range in ranges.prefix(Self.shownMax) { print("  \(range.text)") }
        if ranges.count > Self.shownMax {
            print("  ... and \(ranges.count - Self.shownMax) more ranges")
        }
        if report.lostContentCount > 0 {
            print("  content of a message: waybill message show ID --raw, with the same --data")
        }
    }

    private static let places =
        "what is lost may be in a backup (waybill backup list --archive ARCHIVE says up to where), or on"
        + " a standby (waybill site status --data DATA): docs/operations/damage.md"

    /// What is lost, side by side, whatever files it stood in; and what may have followed.
    private var lostRanges: [LostRange] {
        var ranges: [LostRange] = []
        for lost in report.lostEvents {
            if let last = ranges.last?.last, last + 1 == lost.sequences.lowerBound {
                ranges[ranges.count - 1].last = lost.sequences.upperBound
            } else {
                ranges.append(
                    LostRange(first: lost.sequences.lowerBound, last: lost.sequences.upperBound))
            }
        }
        if let end = lostEnd { ranges.append(end) }
        return ranges
    }

    /// What may have followed the last event that anything names; nil when nothing can have.
    private var lostEnd: LostRange? {
        guard !report.isEndCertain else { return nil }
        let known = report.oldPosition?.sequence ?? report.firstSequence - 1
        return LostRange(
            first: max(known, report.lostEvents.last?.sequences.upperBound ?? 0) + 1, last: nil)
    }

    private static func text(_ time: Int64?) -> String {
        time.map { EventTime(microseconds: $0).description } ?? "-"
    }

    private static func text(_ position: Position) -> String {
        "epoch \(position.epoch), sequence \(position.sequence), chain \(hex(position.chainHash))"
    }
}

extension RepairOutput {
    /// One JSON object.
    var json: String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.bool(report.isComplete, "complete")
        writer.number(report.events, "events")
        writer.number(report.batches, "batches")
        writer.number(report.contents, "contents")
        writer.number(report.lostEventCount, "lost_event_count")
        writer.number(report.lostContentCount, "lost_content_count")
        writer.number(report.strayContents, "stray_contents")
        writer.number(report.excludedBatches, "excluded_batches")
        writer.number(report.unprovenBatches, "unproven_batches")
        writer.bool(report.isEndCertain, "end_certain")
        writer.number(report.firstSequence, "first_sequence")
        if let finding = report.beginningFinding { writer.string(finding, "beginning_finding") }
        if let id = report.oldLogID { writer.hex(id, "old_log_id") }
        if let position = report.oldPosition { write(position, "old_position", to: &writer) }
        if let target { writer.string(target, "written_to") }
        if let id = report.newLogID { writer.hex(id, "new_log_id") }
        if let position = report.newPosition { write(position, "new_position", to: &writer) }
        writeLost(to: &writer)
        writeFiles(to: &writer)
        writer.endObject()
        return writer.text
    }

    private func write(_ position: Position, _ name: StaticString, to writer: inout JSONWriter) {
        writer.beginObject(name)
        writer.number(position.epoch, "epoch")
        writer.number(position.sequence, "sequence")
        writer.hex(position.chainHash, "chain_hash")
        writer.endObject()
    }

    private func writeLost(to writer: inout JSONWriter) {
        writer.beginArray("lost_events")
        for lost in report.lostEvents {
            writer.beginObject()
            writer.string(lost.file, "file")
            writer.number(lost.sequences.lowerBound, "first_sequence")
            writer.number(lost.sequences.upperBound, "last_sequence")
            if let after = lost.after { writer.time(EventTime(microseconds: after), "after") }
            if let before = lost.before { writer.time(EventTime(microseconds: before), "before") }
            LostRange(first: lost.sequences.lowerBound, last: lost.sequences.upperBound)
                .write(to: &writer)
            writer.endObject()
        }
        writer.endArray()
        if let end = lostEnd {
            writer.beginObject("lost_end")
            writer.number(end.first, "first_sequence")
            end.write(to: &writer)
            writer.endObject()
        }
        if !report.isComplete { writer.string(Self.places, "where_to_get_them") }
        writer.beginArray("lost_contents")
        for lost in report.lostContents {
            for sequence in lost.messages {
                let id = MessageID(epoch: lost.epoch, sequence: sequence)
                writer.beginObject()
                writer.string(lost.file, "file")
                writer.number(sequence, "sequence")
                writer.messageID(id, "message_id")
                if let queue { writer.bool(queue.message(id) != nil, "queued") }
                writer.endObject()
            }
        }
        writer.endArray()
    }

    private func writeFiles(to writer: inout JSONWriter) {
        writer.beginArray("files")
        for file in report.files {
            writer.beginObject()
            writer.string(file.path, "file")
            writer.bool(file.isThere, "opened")
            writer.bool(file.isScanned, "searched")
            writer.number(file.batches, "batches")
            writer.number(file.contentBlocks, "content_blocks")
            writer.beginArray("findings")
            for finding in file.findings { writer.string(finding) }
            writer.endArray()
            writer.endObject()
        }
        writer.endArray()
    }
}
