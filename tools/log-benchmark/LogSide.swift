import BenchmarkSupport
import EventLog
import MailEvents

/// The log as the server writes it: production settings, one writer thread.
///
/// Concurrency: value.
struct LogSide {
    /// The log's own directory; made.
    let directory: String

    /// Appends at one number of appenders.
    func append(_ workload: Workload, _ appenders: Appenders) throws -> AppendFigures {
        let codec = MeteredCodec()
        let log = try EventLog.open(directory: directory, codec: codec)
        let empty = try log.reader.info().fileBytes
        let completions = Completions()
        let items = workload.items
        let (_, events, seconds) = appenders.run(items, completions) { index in
            var append = items[index].append
            append.observer = completions
            append.token = UInt64(append.events.count)
            log.append(append)
        }
        let info = try log.reader.info()
        log.close()
        guard info.eventCount == events else {
            throw BenchmarkError("the log holds \(info.eventCount) of \(events) events")
        }
        let figures = completions.figures
        return AppendFigures(
            side: "log", events: events, commits: figures.commits, seconds: seconds,
            cpuMicroseconds: figures.cpu, encodeMicroseconds: codec.microsecondsPerEvent,
            emptyOctets: Int(empty), fileOctets: Int(info.fileBytes))
    }

    /// Reads all events: as values, and as a fold sees them.
    func replay(expecting events: Int) throws -> [ReplayFigures] {
        let reader = try LogReader.open(directory: directory)
        let values = try ReplayFigures.measure(side: "log", mode: "values", expected: events) {
            var count = 0
            try reader.forEachBatch { batch in
                count += try batch.events().count
                return true
            }
            return count
        }
        let visit = try ReplayFigures.measure(side: "log", mode: "visit", expected: events) {
            var visitor = CountingVisitor()
            try reader.forEachBatch { batch in
                try MailEventDecoder.visit(
                    batch.bytes, firstSequence: batch.firstSequence, epoch: batch.epoch,
                    firstTime: batch.firstTime, &visitor)
                return true
            }
            return visitor.count
        }
        return [values, visit]
    }
}
