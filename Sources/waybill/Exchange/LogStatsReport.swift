import EventLog
import MailEvents
import MailModel

/// What `waybill log stats` found.
///
/// Concurrency: value.
struct LogStatsReport {
    let segments: [SegmentAnatomy]
    let tally: EventTally
    private let total: SegmentOctets

    init(segments: [SegmentAnatomy], tally: EventTally) {
        self.segments = segments
        self.tally = tally
        total = segments.map(SegmentOctets.init).reduce(SegmentOctets(), +)
    }

    /// For people.
    func show() {
        let events = Double(max(1, total.events))
        print(
            "\(total.events) events in \(total.batches) batches, \(total.contents) messages with "
                + "content, \(segments.count) segment\(segments.count == 1 ? "" : "s"), "
                + Human.size(total.file))
        if let first = tally.firstTime, let last = tally.lastTime {
            print(
                "from \(EventLine.time(EventTime(microseconds: first))) to "
                    + EventLine.time(EventTime(microseconds: last)))
        }
        print("")
        var room = Table(["ROOM", ">OCTETS", ">SHARE", ">AN EVENT", ">UNCOMPRESSED", ">RATIO"])
        for part in total.parts {
            let share = Double(part.octets) / Double(max(1, total.file)) * 100
            room.add([
                part.name, Human.size(part.octets), Human.decimal(share, places: 1) + "%",
                Human.decimal(Double(part.octets) / events, places: 1),
                part.raw.map { Human.size($0) } ?? "",
                part.raw.map { Self.ratio($0, part.octets) } ?? "",
            ])
        }
        room.printLines()
        print("")
        var types = Table(["TYPE", ">EVENTS", ">SHARE", ">BATCHES"])
        for row in tally.rows {
            types.add([
                row.name, String(row.events),
                Human.decimal(Double(row.events) / events * 100, places: 1) + "%",
                String(row.batches),
            ])
        }
        types.printLines()
        print("")
        var sizes = Table(["EVENTS A BATCH", ">BATCHES", ""])
        let most = tally.sizes.map(\.batches).max() ?? 0
        for row in tally.sizes {
            sizes.add([row.events, String(row.batches), Shape.bar(row.batches, of: most)])
        }
        sizes.printLines()
        print(
            "largest batch: \(tally.largestBatch) events; largest value: "
                + Human.size(tally.largestStored))
        print("")
        showSegments()
    }

    private func showSegments() {
        var table = Table([
            "SEGMENT", ">EVENTS", ">BATCHES", ">BATCH OCTETS", ">RATIO", ">CONTENT", ">RATIO",
            ">FREE", ">FILE", "STATE",
        ])
        for segment in segments {
            let octets = SegmentOctets(segment)
            table.add([
                String(segment.path.split(separator: "/").last ?? ""), String(segment.events),
                String(segment.batches), Human.size(octets.batchesStored),
                Self.ratio(octets.batchesRaw, octets.batchesStored),
                Human.size(octets.contentStored),
                octets.contents == 0 ? "" : Self.ratio(octets.contentRaw, octets.contentStored),
                Human.size(octets.free), Human.size(octets.file),
                segment.isSealed ? "sealed" : "active",
            ])
        }
        table.printLines()
    }

    private static func ratio(_ raw: Int, _ stored: Int) -> String {
        stored == 0 ? "" : Human.decimal(Double(raw) / Double(stored), places: 2)
    }

    /// For programs.
    var json: String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.number(segments.count, "segments")
        total.write(to: &writer)
        writer.decimal(
            Double(total.batchesStored) / Double(max(1, total.events)), digits: 3,
            "batch_octets_an_event")
        writer.decimal(
            Double(total.file) / Double(max(1, total.events)), digits: 3, "file_octets_an_event")
        writer.beginArray("types")
        for row in tally.rows {
            writer.beginObject()
            writer.string(row.name, "type")
            writer.number(row.events, "events")
            writer.number(row.batches, "batches")
            writer.endObject()
        }
        writer.endArray()
        writer.beginArray("batch_sizes")
        for (index, count) in tally.batchSizes.enumerated() {
            writer.beginObject()
            if index < EventTally.batchClasses.count {
                writer.number(EventTally.batchClasses[index], "events_at_most")
            }
            writer.number(count, "batches")
            writer.endObject()
        }
        writer.endArray()
        writer.number(tally.largestBatch, "largest_batch_events")
        writer.number(tally.largestStored, "largest_batch_octets")
        writer.beginArray("each_segment")
        for segment in segments {
            writer.beginObject()
            writer.string(segment.path, "path")
            writer.bool(segment.isSealed, "sealed")
            SegmentOctets(segment).write(to: &writer)
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.text
    }
}
