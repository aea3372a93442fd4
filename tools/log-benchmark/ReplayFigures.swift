import BenchmarkSupport
import MailEvents

/// How fast one side read all its events.
///
/// Concurrency: value.
struct ReplayFigures {
    /// Each is read again and again for so long.
    private static let seconds = 0.3

    /// log, lmdb or sqlite.
    var side: String
    /// What is made of what was read: `values`, `visit` or `bytes`.
    var mode: String
    /// Of all passes.
    var events = 0
    var seconds = 0.0

    /// Reads everything as often as fits into a third of a second, after one pass that does not
    /// count. `pass` returns how many events it saw.
    static func measure(
        side: String, mode: String, expected: Int, _ pass: () throws -> Int
    ) throws -> ReplayFigures {
        var figures = ReplayFigures(side: side, mode: mode)
        let seen = try pass()
        guard seen == expected else {
            throw BenchmarkError("\(side) gave back \(seen) of \(expected) events")
        }
        let start = Clock.seconds()
        repeat {
            figures.events += try pass()
            figures.seconds = Clock.seconds() - start
        } while figures.seconds < Self.seconds
        return figures
    }

    /// Prints a JSON line.
    func print(_ workload: Workload.Kind, appenders: Int) {
        var writer = JSONWriter()
        writer.beginObject()
        writer.string("replay", "kind")
        writer.string(workload.rawValue, "stream")
        writer.number(appenders, "appenders")
        writer.string(side, "side")
        writer.string(mode, "mode")
        writer.number(events, "events")
        writer.decimal(seconds, digits: 6, "seconds")
        writer.endObject()
        Output.line(writer.text)
    }
}
