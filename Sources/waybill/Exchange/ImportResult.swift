import LogExchange
import MailEvents

/// What an import came to.
///
/// Concurrency: value.
struct ImportResult {
    var format: ImportFormat
    var counts: HistoryCounts
    var lines: Int
    var refusedCount: Int
    var refused: [RefusedLine]
    var skipped: [SkipReason: Int]

    /// For people: what was made on standard output, what was not on standard error.
    func show() {
        let types = counts.types.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        print(
            "\(lines) lines of \(format.rawValue): \(counts.messages) messages, \(counts.events) "
                + "events" + (types.isEmpty ? "" : " (\(types.joined(separator: ", ")))"))
        if counts.givenUp > 0 {
            print(
                "\(counts.givenUp) recipients were not final in the log and are recorded as given up"
                    + (counts.unnamed > 0
                        ? "; it counts \(counts.unnamed) of them and never names them" : ""))
        }
        if counts.crowdedOut > 0 {
            print(
                "\(counts.crowdedOut) messages were given up because too many were open at a time")
        }
        if counts.raised > 0 {
            print(
                "\(counts.raised) events came too late for their place and got a later time, by at "
                    + "most " + Human.duration(milliseconds: counts.raisedMicroseconds / 1_000))
        }
        for reason in SkipReason.allCases {
            if let count = skipped[reason], count > 0 {
                print("\(count) lines passed over: \(reason.rawValue)")
            }
        }
        for line in refused { complain("waybill: \(line.file):\(line.line): \(line.why)") }
        if refusedCount > refused.count {
            complain("waybill: and \(refusedCount - refused.count) more lines like these")
        }
        if refusedCount > 0 { print("\(refusedCount) lines could not be read") }
    }

    /// For programs.
    var json: String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.string(format.rawValue, "format")
        writer.number(lines, "lines")
        writer.number(counts.messages, "messages")
        writer.number(counts.events, "events")
        writer.beginObject("types")
        for (name, count) in counts.types.sorted(by: { $0.key < $1.key }) {
            writer.key(name)
            writer.number(count)
        }
        writer.endObject()
        writer.number(counts.givenUp, "given_up")
        writer.number(counts.unnamed, "unnamed")
        writer.number(counts.crowdedOut, "crowded_out")
        writer.number(counts.raised, "times_raised")
        writer.number(counts.raisedMicroseconds, "times_raised_by_us")
        writer.number(skipped[.other] ?? 0, "lines_of_no_use")
        writer.number(skipped[.afterItsEnd] ?? 0, "lines_after_the_end")
        writer.number(skipped[.noSuchMessage] ?? 0, "reports_on_unknown_messages")
        writer.number(refusedCount, "lines_refused")
        writer.beginArray("refused")
        for line in refused {
            writer.beginObject()
            writer.string(line.file, "file")
            writer.number(line.line, "line")
            writer.string(line.why, "why")
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.text
    }
}
