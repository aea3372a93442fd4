import Glibc
import Logging
import MailEvents
import MailModel

/// Writes log lines to standard error: one JSON object a line, or a readable line on a terminal.
///
/// The label of the logger is the component. Metadata keys become fields, so that `message_id`,
/// `tenant_id` and `session_id` stand at the top of the object, where a line is about such a thing.
///
/// Concurrency: value; a line is one write(2), so lines of several threads do not mix.
struct LineLogHandler: LogHandler {
    /// How lines look.
    enum Format: String, CaseIterable, Sendable { case json, human, auto }

    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    private let component: String
    private let json: Bool

    init(component: String, level: Logger.Level, format: Format) {
        self.component = component
        logLevel = level
        json = format == .json || (format == .auto && isatty(STDERR_FILENO) == 0)
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let merged = metadata.merging(event.metadata ?? [:]) { _, new in new }
        let fields = merged.sorted { $0.key < $1.key }
        let now = SystemClock.now()
        var line =
            json
            ? jsonLine(now, event.level, event.message, fields)
            : humanLine(now, event.level, event.message, fields)
        line.append(UInt8(ascii: "\n"))
        unsafe line.withUnsafeBytes { bytes in
            _ = unsafe write(STDERR_FILENO, bytes.baseAddress, bytes.count)
        }
    }

    /// The line without its end: whatever is in it, one JSON object on one line.
    func jsonLine(
        _ now: EventTime, _ level: Logger.Level, _ message: Logger.Message,
        _ fields: [(key: String, value: Logger.MetadataValue)]
    ) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.time(now, "timestamp")
        writer.string(level.rawValue, "level")
        writer.string("waybill", "service")
        writer.string(component, "component")
        writer.string(message.description, "message")
        for (key, value) in fields {
            writer.key(key)
            writer.string("\(value)")
        }
        writer.endObject()
        return writer.bytes
    }

    /// The line without its end. What peers say in it cannot drive the operator's terminal.
    func humanLine(
        _ now: EventTime, _ level: Logger.Level, _ message: Logger.Message,
        _ fields: [(key: String, value: Logger.MetadataValue)]
    ) -> [UInt8] {
        let time = now.description.dropFirst(11).prefix(12)
        let padding = String(repeating: " ", count: max(0, 8 - level.rawValue.count))
        let rest = fields.map { " \($0.key)=\($0.value)" }.joined()
        let line = "\(time) \(level.rawValue)\(padding)\(component): \(message)\(rest)"
        return Array(EventLine.replacingControls(in: line, with: "?").utf8)
    }
}
