package import EventLog
import MailEvents
import MailModel
import Projections

/// Takes a batch of mail's events apart: each one encoded again, by itself.
///
/// Concurrency: any thread; each split has a codec of its own.
package struct MailBatchSplitter: BatchSplitter {
    /// Creates a splitter.
    package init() {}

    /// One batch for each event.
    ///
    /// - Throws: `BatchDecodingError`.
    package func split(_ batch: StoredBatch) throws -> [StoredBatch] {
        let codec = MailEventCodec()
        return try batch.events().map { recorded in
            let time = recorded.event.time.microseconds
            var part = batch
            part.bytes = []
            codec.encode(
                [recorded.event], firstSequence: recorded.sequence, epoch: batch.epoch,
                firstTime: time, into: &part.bytes)
            part.header.firstSequence = recorded.sequence
            part.header.lastSequence = recorded.sequence
            (part.header.firstTime, part.header.lastTime) = (time, time)
            part.header.rawLength = UInt64(part.bytes.count)
            return part
        }
    }
}
