import BenchmarkSupport
import EventLog
import MailEvents

/// Reads a log as a fold does, and folds nothing: the floor of every rebuild.
///
/// Concurrency: value.
struct YearReader {
    private let options: YearOptions

    init(_ options: YearOptions) { self.options = options }

    func run() throws {
        let reader = try LogReader.open(directory: options.directory)
        let limit = options.events
        let watch = Stopwatch()
        var visitor = Counter()
        try reader.forEachBatch { batch in
            try MailEventDecoder.visit(
                batch.bytes, firstSequence: batch.firstSequence, epoch: batch.epoch,
                firstTime: batch.firstTime, &visitor)
            return visitor.count < limit
        }
        watch.print("read", events: UInt64(visitor.count))
    }

    /// Counts events.
    private struct Counter: EventVisitor {
        var count = 0

        mutating func begin(_ texts: BatchTexts) {}

        mutating func visit(_ event: EventView) { count += 1 }
    }
}
