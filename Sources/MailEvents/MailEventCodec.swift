package import EventLog
import MailModel

/// Mail's events as the bytes of a batch: `waybill.log.v1.EventBatch`.
package struct MailEventCodec: BatchCodec {
    package typealias Event = MailEvents.Event

    /// Creates a codec; one for each log that is written.
    package init() {}

    package func resolve(
        _ event: inout Event, epoch: UInt32, appendFirstSequence: UInt64, notBefore: Int64
    ) -> Int64 {
        if event.time.microseconds < notBefore { event.time.microseconds = notBefore }
        return event.time.microseconds
    }

    package func encode(
        _ events: [Event], firstSequence: UInt64, epoch: UInt32, firstTime: Int64,
        into bytes: inout [UInt8]
    ) {}

    package func contentReferences(
        inBatch bytes: [UInt8], firstSequence: UInt64
    ) throws -> [ContentReference] { [] }
}
