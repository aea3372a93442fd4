import BenchmarkSupport
import EventLog
import MailEvents
import Synchronization

/// The log's codec, with the CPU time that encoding takes on the writer thread.
///
/// Concurrency: may be shared.
final class MeteredCodec: BatchCodec {
    typealias Event = MailEvents.Event

    private let codec = MailEventCodec()
    private let spent = Mutex((microseconds: 0.0, events: 0))

    /// CPU microseconds an event, of all batches so far.
    var microsecondsPerEvent: Double {
        spent.withLock { $0.microseconds / Double(max(1, $0.events)) }
    }

    func resolve(
        _ event: inout Event, epoch: UInt32, appendFirstSequence: UInt64, notBefore: Int64
    ) -> Int64 {
        codec.resolve(
            &event, epoch: epoch, appendFirstSequence: appendFirstSequence, notBefore: notBefore)
    }

    func encode(
        _ events: [Event], firstSequence: UInt64, epoch: UInt32, firstTime: Int64,
        into bytes: inout [UInt8]
    ) {
        let start = Clock.threadMicroseconds()
        codec.encode(
            events, firstSequence: firstSequence, epoch: epoch, firstTime: firstTime, into: &bytes)
        let took = Clock.threadMicroseconds() - start
        spent.withLock { spent in
            spent.microseconds += took
            spent.events += events.count
        }
    }

    func encodeLost(
        count: Int, firstSequence: UInt64, epoch: UInt32, time: Int64, into bytes: inout [UInt8]
    ) {
        codec.encodeLost(
            count: count, firstSequence: firstSequence, epoch: epoch, time: time, into: &bytes)
    }

    func contentReferences(
        inBatch bytes: [UInt8], firstSequence: UInt64
    ) throws -> [ContentReference] {
        try codec.contentReferences(inBatch: bytes, firstSequence: firstSequence)
    }
}
