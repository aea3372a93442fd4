import BenchmarkSupport
import MailEvents

/// What one side did in one case.
///
/// Concurrency: value.
struct AppendFigures {
    /// log, lmdb, sqlite or sqlite-ready.
    var side: String
    var events: Int
    /// Durable commits.
    var commits: Int
    /// From the first append to the last outcome.
    var seconds: Double
    /// CPU of the thread that writes, microseconds an event.
    var cpuMicroseconds: Double?
    /// Of that, for encoding the events, before compression.
    var encodeMicroseconds: Double?
    /// Octets of the values stored.
    var valueOctets: Int?
    /// Octets of the files before the first event.
    var emptyOctets: Int?
    /// Octets of the files when all is written.
    var fileOctets: Int

    /// Prints a JSON line.
    func print(_ workload: Workload.Kind, appenders: Int) {
        var writer = JSONWriter()
        writer.beginObject()
        writer.string("append", "kind")
        writer.string(workload.rawValue, "stream")
        writer.number(appenders, "appenders")
        writer.string(side, "side")
        writer.number(events, "events")
        writer.number(commits, "commits")
        writer.decimal(seconds, digits: 6, "seconds")
        if let cpuMicroseconds { writer.decimal(cpuMicroseconds, digits: 3, "cpu_us") }
        if let encodeMicroseconds { writer.decimal(encodeMicroseconds, digits: 3, "encode_us") }
        if let valueOctets { writer.number(valueOctets, "value_octets") }
        if let emptyOctets { writer.number(emptyOctets, "empty_octets") }
        writer.number(fileOctets, "file_octets")
        writer.endObject()
        Output.line(writer.text)
    }
}
