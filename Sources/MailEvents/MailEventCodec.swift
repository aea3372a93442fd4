package import EventLog
import MailModel
import Synchronization

/// Mail's events as the bytes of a batch: `waybill.log.v1.EventBatch`.
///
/// Concurrency: any thread; the memory kept between batches is behind a lock that is never
/// contended, because one writer thread encodes.
package struct MailEventCodec: BatchCodec {
    package typealias Event = MailEvents.Event

    private let encoder: Encoder

    /// Creates a codec; one for each log that is written.
    ///
    /// - Parameter hashSeed: keeps senders from choosing texts that collide in the string table; it
    ///   does not change the bytes. Random unless a test says otherwise.
    package init(hashSeed: UInt64 = .random(in: 0 ... .max)) {
        encoder = Encoder(seed: hashSeed)
    }

    /// Puts in ids and times, and brings values that no column can hold into range.
    package func resolve(
        _ event: inout Event, epoch: UInt32, appendFirstSequence: UInt64, notBefore: Int64
    ) -> Int64 {
        if event.time.microseconds < notBefore { event.time.microseconds = notBefore }
        event.makeStorable(epoch: epoch, appendFirst: appendFirstSequence)
        return event.time.microseconds
    }

    /// Appends the batch: canonical bytes, the same for the same events on every machine.
    package func encode(
        _ events: [Event], firstSequence: UInt64, epoch: UInt32, firstTime: Int64,
        into bytes: inout [UInt8]
    ) {
        encoder.value.withLock {
            $0.encode(
                events, firstSequence: firstSequence, epoch: epoch, firstTime: firstTime,
                into: &bytes)
        }
    }

    /// Appends a batch of ``Fact/lost``.
    package func encodeLost(
        count: Int, firstSequence: UInt64, epoch: UInt32, time: Int64, into bytes: inout [UInt8]
    ) {
        let event = Event(time: EventTime(microseconds: time), fact: .lost)
        encode(
            Array(repeating: event, count: count), firstSequence: firstSequence, epoch: epoch,
            firstTime: time, into: &bytes)
    }

    /// Each event of the batch that has content, with the size and the hash it gives.
    package func contentReferences(
        inBatch bytes: [UInt8], firstSequence: UInt64
    ) throws -> [ContentReference] {
        try MailEventDecoder.contentReferences(bytes, firstSequence: firstSequence)
    }
}

/// Holds the encoder, so that copies of a codec share its memory.
private final class Encoder: Sendable {
    let value: Mutex<BatchEncoder>

    init(seed: UInt64) { value = Mutex(BatchEncoder(seed: seed)) }
}
