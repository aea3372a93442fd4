import ArgumentParser
import EventLog
import MailEvents
import MailModel
import MailProjections
import Projections

/// `waybill projection status`: how each projection stands.
struct ProjectionStatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "How each projection stands: position, lag, rate, what it refused, setbacks.",
        discussion: """
            Beside a running server it is what the server says every second; on a stopped one's
            directory, what the files say.
            Exit code 0: all is well. 1: one is stopped, waits, or has a file that cannot be used.

            Examples:
              waybill projection status --data /var/lib/waybill
              waybill projection status statistics --data /var/lib/waybill --json
            """)

    @OptionGroup var options: ProjectionOptions

    func run() throws {
        let log = try options.data.openLog()
        let directory = try options.directory()
        let chosen = try options.chosen()
        let isServed = try options.isServed()
        let report = isServed ? ProjectionRequests(directory: directory).read() : nil
        var isWell = true
        var table = Table([
            "NAME", "STATE", ">SEQUENCE", ">LAG", ">EVENTS/S", ">LEFT", ">CHECKPOINT", ">REFUSED",
        ])
        var notes: [String] = []
        var end: UInt64 = 0
        try reading { end = try log.lastSequence() }
        for projection in chosen {
            var line = Line(projection, logEnd: end)
            if let status = report?.all.first(where: { $0.name == projection.name }) {
                line.take(status)
            } else {
                line.take(
                    ProjectionFileInfo(projection.paths(in: directory), log: log),
                    isServed: isServed)
            }
            isWell = isWell && line.isWell
            if options.data.json { print(line.json) } else { table.add(line.cells) }
            notes += line.notes
        }
        if !options.data.json {
            table.printLines()
            for note in notes { print(note) }
        }
        guard isWell else { throw Exit.found }
    }

    /// One projection as it is shown.
    struct Line {
        var status: ProjectionStatus
        var state = ""
        var fault: String?

        init(_ projection: AnyProjection, logEnd: UInt64) {
            status = ProjectionStatus(name: projection.name, version: projection.version)
            status.logEnd = logEnd
        }

        /// What a running server says.
        mutating func take(_ said: ProjectionStatus) {
            status = said
            state = said.phase.name
        }

        /// What the files say.
        mutating func take(_ info: ProjectionFileInfo, isServed: Bool) {
            status.checkpoint = info.checkpoint ?? 0
            status.sequence = info.checkpoint ?? 0
            fault = info.fault
            state = fault != nil ? "damaged" : isServed ? "in use" : "at rest"
        }

        var isWell: Bool { fault == nil && ![.stopped, .waiting].contains(status.phase) }

        var cells: [String] {
            [
                status.name, state, String(status.sequence), String(status.lag),
                String(status.eventsPerSecond), left, String(status.checkpoint),
                String(status.refused.list.count),
            ]
        }

        private var left: String {
            guard [.catchingUp, .rebuilding].contains(status.phase), let left = status.secondsLeft,
                status.lag > 0 || status.rebuildSequence > 0
            else { return "-" }
            return Human.age(seconds: Int64(clamping: left))
        }

        /// What does not fit in the table.
        var notes: [String] {
            var notes: [String] = []
            if let refusal = status.stoppedBy {
                notes.append(
                    "\(status.name): stopped before \(refusal). To go on without it, name "
                        + "\(status.name) in server.skip_refused_events and restart.")
            }
            if let fault {
                notes.append(
                    "\(status.name): \(fault). A start of the server rebuilds it, and so does "
                        + "`waybill projection rebuild \(status.name)`.")
            }
            if status.rebuildSequence > 0 {
                notes.append("\(status.name): being rebuilt, at event \(status.rebuildSequence)")
            }
            notes += status.refused.list.map { "\(status.name): in quarantine: \($0)" }
            notes += status.setbacks.map {
                "\(status.name): \(EventLine.time(EventTime(microseconds: $0.time))) \($0.text)"
            }
            return notes
        }

        var json: String {
            var writer = JSONWriter()
            writer.beginObject()
            writer.string(status.name, "name")
            writer.number(status.version, "version")
            writer.string(state, "state")
            writer.number(status.sequence, "sequence")
            writer.number(status.logEnd, "log_end")
            writer.number(status.lag, "lag")
            writer.number(status.eventsPerSecond, "events_per_second")
            writer.number(status.checkpoint, "checkpoint")
            if status.checkpointAt > 0 {
                writer.time(EventTime(microseconds: status.checkpointAt), "checkpoint_at")
            }
            if status.rebuildSequence > 0 {
                writer.number(status.rebuildSequence, "rebuild_sequence")
            }
            writer.number(status.rebuilds, "rebuilds")
            if let fault { writer.string(fault, "fault") }
            if let refusal = status.stoppedBy { write(refusal, &writer, "stopped_by") }
            writer.beginArray("refused")
            for refusal in status.refused.list { write(refusal, &writer, nil) }
            writer.endArray()
            writer.beginArray("setbacks")
            for setback in status.setbacks {
                writer.beginObject()
                writer.time(EventTime(microseconds: setback.time), "time")
                writer.string(setback.text, "text")
                writer.endObject()
            }
            writer.endArray()
            writer.endObject()
            return writer.text
        }

        private func write(
            _ refusal: RefusedEvent, _ writer: inout JSONWriter, _ key: StaticString?
        ) {
            if let key { writer.key(key.description) }
            writer.beginObject()
            writer.number(refusal.first, "first_sequence")
            writer.number(refusal.last, "last_sequence")
            writer.string(refusal.reason, "reason")
            writer.endObject()
        }
    }
}
