import ArgumentParser
import ConfigurationFile
import EventLog
import HTTPAPI
import MailEvents
import MailModel
import MailProjections

/// `waybill log seal`: ends the segment that is being written.
struct LogSeal: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "seal", abstract: "End the segment that is being written; the next begins.",
        discussion: """
            Segments are sealed by size and age by themselves (segment_size, segment_age). A sealed one
            never changes, can be copied, and is compacted. Works beside a running server, and on the
            data directory of a stopped one.
            Example:
              waybill log seal --data /var/lib/waybill
            """)

    @OptionGroup var options: DataOptions

    func run() async throws {
        let answer = try await ControlPoint.use(options) { point in
            try await ControlCall.answer(LocalRequest(.post, "/api/v1/log/seal"), at: point)
        }
        if options.json { return print(answer.json) }
        print(
            answer["sealed"].isTrue
                ? "sealed the segment that begins at \(answer["first_sequence"].text)"
                : "nothing to seal: the segment has no event yet")
    }
}

/// `waybill log compact`: rewrites sealed segments.
struct LogCompact: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compact", abstract: "Rewrite sealed segments: smaller, same history.",
        discussion: """
            A running server does this by itself (compaction, content_retention in its configuration);
            beside one, this only lets it look for something to do at once. On the data directory of a
            stopped server it compacts here. Events, their order and the chain stay what they are.
            Examples:
              waybill log compact --data /var/lib/waybill
              waybill log compact --data /var/lib/waybill --drop-content-after 7d
            """)

    @OptionGroup var options: DataOptions

    @Option(
        help: "Drop content of final messages whose segment was sealed so long ago: 0s, 12h, 7d.")
    var dropContentAfter: String?

    @Option(help: "Zstandard level, 1 to 19.")
    var level: Int32 = 9

    @Flag(help: "Rewrite compacted segments too, for example at another level.")
    var again = false

    func validate() throws {
        guard (1...19).contains(level) else {
            throw ValidationError("the level is from 1 to 19")
        }
        guard dropContentAfter.map({ TimeArgument.seconds($0) != nil }) ?? true else {
            throw ValidationError("--drop-content-after: expected a time such as 0s, 12h or 7d")
        }
    }

    func run() async throws {
        // As every order: by the server, or here with the log open for writing. That takes back what
        // a power failure cut off before anything is called final, and refuses another user's files.
        try await ControlPoint.use(options) { point in
            switch point {
            case .server: try await ask(point)
            case .here: try compact(try options.directory(), try compactionOptions())
            }
        }
    }

    /// Lets the server look.
    private func ask(_ point: ControlPoint) async throws {
        guard dropContentAfter == nil, !again, level == 9 else {
            complain(
                "waybill: a server runs there and compacts by its configuration: set"
                    + " content_retention or compaction_level there, or stop it first.")
            throw Exit.unavailable
        }
        let answer = try await ControlCall.answer(
            LocalRequest(.post, "/api/v1/log/compact"), at: point)
        if options.json { return print(answer.json) }
        guard answer["running"].isTrue else {
            complain("waybill: the server's configuration says compaction: false.")
            throw Exit.found
        }
        print(
            "the server looks now; since its start it has compacted "
                + "\(answer["segments"].text) segment(s) "
                + "(\(Human.size(answer["octets_before"].number)) to "
                + "\(Human.size(answer["octets_after"].number)))")
    }

    private func compactionOptions() throws -> CompactionOptions {
        var compaction = CompactionOptions()
        compaction.level = level
        compaction.octetsPerSecond = 0
        compaction.contentRetentionSeconds = dropContentAfter.flatMap(TimeArgument.seconds)
        if dropContentAfter != nil {
            let queue = try options.loadQueue()
            compaction.needed = { queue.waiting(of: $0) }
        }
        return compaction
    }

    private func compact(_ directory: String, _ options: CompactionOptions) throws {
        let compaction = LogCompaction(
            directory: DataDirectory.log(directory), codec: MailEventCodec(), options: options)
        var reports: [CompactionReport] = []
        var isWhole = true
        try reading {
            let segments = try compaction.segments()
            let bar = Progress(title: "compacting", total: segments.count)
            for (index, first) in segments.enumerated() {
                bar.show(index)
                do throws(EventLogError) {
                    let report = try compaction.run(first, evenIfCompacted: again)
                    if let report { reports.append(report) }
                } catch {
                    bar.finish()
                    complain("waybill: \(error)")
                    isWhole = false
                }
            }
            bar.finish()
        }
        show(reports)
        if !isWhole { throw Exit.found }
    }

    private func show(_ reports: [CompactionReport]) {
        if options.json {
            for report in reports { print(json(report)) }
            return
        }
        guard !reports.isEmpty else { return print("nothing to compact") }
        var table = Table([
            "SEGMENT", ">FIRST", ">LAST", ">BEFORE", ">AFTER", ">CONTENTS KEPT", ">DROPPED",
        ])
        for report in reports {
            table.add([
                String(report.file.split(separator: "/").last ?? ""),
                String(report.firstSequence), String(report.lastSequence),
                Human.size(Int(report.octetsBefore)), Human.size(Int(report.octetsAfter)),
                String(report.contentsKept), String(report.contentsDropped),
            ])
        }
        table.printLines()
        let before = reports.reduce(0) { $0 + $1.octetsBefore }
        let after = reports.reduce(0) { $0 + $1.octetsAfter }
        print("\(Human.size(Int(before))) to \(Human.size(Int(after)))")
    }

    private func json(_ report: CompactionReport) -> String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.string(report.file, "path")
        writer.number(report.firstSequence, "first_sequence")
        writer.number(report.lastSequence, "last_sequence")
        writer.number(report.octetsBefore, "octets_before")
        writer.number(report.octetsAfter, "octets_after")
        writer.number(report.contentsKept, "contents_kept")
        writer.number(report.contentsDropped, "contents_dropped")
        writer.endObject()
        return writer.text
    }
}
