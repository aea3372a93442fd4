import BenchmarkSupport
import EventLog
import Foundation
import MailEvents

/// Makes a log with a year of traffic, and folds one in SQLite.
///
/// Built with WAYBILL_BENCHMARKS=1; `tools/benchmarks --projections` runs it. Each task prints one
/// line of JSON with what it did and took.
///
/// Concurrency: value; runs on the main thread.
@main
struct YearInABox {
    static func main() {
        do {
            let options = try YearOptions(CommandLine.arguments.dropFirst())
            switch options.task {
            case .make: try YearMaker(options).run()
            case .read: try YearReader(options).run()
            case .sqlite: try SQLiteFold.run(options)
            }
        } catch {
            FileHandle.standardError.write(Data("year-in-a-box: \(error)\n".utf8))
            exit(1)
        }
    }
}

/// What a task took.
///
/// Concurrency: value.
struct Stopwatch {
    private let start = Clock.seconds()
    private let startCPU = Clock.processSeconds()

    /// Prints a line of JSON: the task, its events, seconds, and what `more` adds.
    func print(_ task: String, events: UInt64, _ more: (inout JSONWriter) -> Void = { _ in }) {
        var writer = JSONWriter()
        writer.beginObject()
        writer.string(task, "task")
        writer.number(events, "events")
        writer.decimal(Clock.seconds() - start, digits: 3, "seconds")
        writer.decimal(Clock.processSeconds() - startCPU, digits: 3, "cpu_seconds")
        more(&writer)
        writer.endObject()
        Output.line(writer.text)
    }
}
