import BenchmarkSupport
import EventLog
import MailEvents
import WaybillTesting

/// What a log that is there already costs: opening, appending, reading.
///
/// Concurrency: value.
struct GrownLog {
    /// What is measured, in a process of its own.
    enum Task: String {
        /// Opening for writing, a first append, then appends. Changes the log.
        case write
        /// Every event shown to a visitor.
        case read
        /// The batches of sequences that are drawn at random.
        case random
    }

    private let options: BenchmarkOptions

    init(_ options: BenchmarkOptions) { self.options = options }

    func run(_ task: Task) throws {
        switch task {
        case .write: try write()
        case .read: try read()
        case .random: try random()
        }
    }

    /// Prints a line when the first append is durable, then one for each number of appenders.
    private func write() throws {
        let start = Clock.seconds()
        let log = try EventLog.open(directory: options.directory, codec: MailEventCodec())
        let opened = Clock.seconds() - start
        // The events come from a generator, which takes time of its own: one is enough here.
        let first = Workload(.single, count: 1, seed: options.seed)
        let completions = Completions()
        _ = append(first, to: log, Appenders(count: 1, seconds: 60), completions)
        print("first") { writer in
            writer.decimal(opened, digits: 6, "open_seconds")
            writer.decimal(Clock.seconds() - start, digits: 6, "seconds")
        }
        let workload = Workload(.single, count: options.events, seed: options.seed)
        for count in options.appenders {
            let appenders = Appenders(count: count, seconds: options.seconds)
            let (events, seconds) = append(workload, to: log, appenders, Completions())
            print("append") { writer in
                writer.number(count, "appenders")
                writer.number(events, "events")
                writer.decimal(seconds, digits: 6, "seconds")
            }
        }
        log.close()
    }

    private func append(
        _ workload: Workload, to log: EventLog<MailEventCodec>, _ appenders: Appenders,
        _ completions: Completions
    ) -> (events: Int, seconds: Double) {
        let items = workload.items
        let (_, events, seconds) = appenders.run(items, completions) { index in
            var append = items[index].append
            append.observer = completions
            append.token = UInt64(append.events.count)
            log.append(append)
        }
        return (events, seconds)
    }

    private func read() throws {
        let reader = try LogReader.open(directory: options.directory)
        let start = Clock.seconds()
        var visitor = CountingVisitor()
        try reader.forEachBatch { batch in
            try MailEventDecoder.visit(
                batch.bytes, firstSequence: batch.firstSequence, epoch: batch.epoch,
                firstTime: batch.firstTime, &visitor)
            return true
        }
        print("read") { writer in
            writer.number(visitor.count, "events")
            writer.decimal(Clock.seconds() - start, digits: 6, "seconds")
        }
    }

    /// Two passes over different sequences: the first opens the files that it comes upon.
    private func random() throws {
        let start = Clock.seconds()
        let reader = try LogReader.open(directory: options.directory)
        let last = try reader.info().position.sequence
        let opened = Clock.seconds() - start
        var numbers = SeededRandom(seed: options.seed)
        for pass in ["random-first", "random"] {
            var times: [Double] = []
            times.reserveCapacity(options.events)
            for _ in 0..<options.events {
                let sequence = UInt64.random(in: 1...last, using: &numbers)
                let begin = Clock.seconds()
                guard let batch = try reader.batch(containing: sequence),
                    batch.firstSequence <= sequence, batch.lastSequence >= sequence
                else { throw BenchmarkError("the batch of \(sequence) is missing") }
                times.append(Clock.seconds() - begin)
            }
            times.sort()
            print(pass) { writer in
                writer.decimal(opened, digits: 6, "open_seconds")
                writer.number(times.count, "reads")
                writer.decimal(times[times.count / 2] * 1e6, digits: 1, "p50_us")
                writer.decimal(times[times.count * 99 / 100] * 1e6, digits: 1, "p99_us")
            }
        }
    }

    private func print(_ kind: String, _ more: (inout JSONWriter) -> Void) {
        var writer = JSONWriter()
        writer.beginObject()
        writer.string(kind, "kind")
        more(&writer)
        writer.endObject()
        Output.line(writer.text)
    }
}
