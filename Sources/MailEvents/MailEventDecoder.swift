package import EventLog

/// Reads the bytes of a batch. No input makes it crash; memory stays in proportion to the input.
///
/// What later versions add survives: an event of an unknown type is ``Fact/unknown(type:message:)``,
/// a field of an unknown number is passed over, a number that an enumeration does not have reads as
/// its zero.
///
/// Concurrency: no state.
package enum MailEventDecoder {
    /// The events of a batch, in order; sequence, epoch and time come from the batch's header.
    ///
    /// Sessions and peers that are equal within the batch are one object.
    package static func decode(
        _ bytes: [UInt8], firstSequence: UInt64, epoch: UInt32, firstTime: Int64
    ) throws(BatchDecodingError) -> [RecordedEvent] {
        let input = bytes.span
        let index = try BatchIndex(input)
        let count = index.eventCount
        var reader = EventReader(
            index, bytes, firstSequence: firstSequence, epoch: epoch, firstTime: firstTime)
        var events: [RecordedEvent] = []
        events.reserveCapacity(count)
        for _ in 0..<count { events.append(try reader.next(input)) }
        return events
    }

    /// Each `received` of the batch that has content: its sequence, size and content hash. One whose
    /// hash is ``ContentHash/none`` has none.
    package static func contentReferences(
        _ bytes: [UInt8], firstSequence: UInt64
    ) throws(BatchDecodingError) -> [ContentReference] {
        let input = bytes.span
        let index = try BatchIndex(input)
        var types = index.columns[BatchColumn.batchType.rawValue].copied()
        var sizes = index.columns[BatchColumn.receivedSizeOctets.rawValue].copied()
        let hashes = index.columns[BatchColumn.receivedContentSha256.rawValue].copied()
        var references: [ContentReference] = []
        references.reserveCapacity(index.rows[ColumnGroup.received.rawValue])
        var sequence = firstSequence
        var row = 0
        while !types.isAtEnd {
            let type = try types.varint(input, .batchType)
            defer { sequence &+= 1 }
            guard type == UInt64(EventType.received.rawValue) else { continue }
            defer { row += 1 }
            let size = sizes.isAtEnd ? 0 : try sizes.varint(input, .receivedSizeOctets)
            guard let octets = Int(exactly: size) else {
                throw BatchDecodingError(
                    .valueOutOfRange, offset: sizes.position - 1, .receivedSizeOctets)
            }
            // A column of zeros is left out: no message of the batch has content.
            guard !hashes.isAtEnd else { continue }
            var sha256 = ContentHash.none
            let start = hashes.position + row * 32
            for position in 0..<32 { sha256[position] = input[start + position] }
            guard sha256 != ContentHash.none else { continue }
            references.append(
                ContentReference(sequence: sequence, sizeOctets: octets, sha256: sha256))
        }
        return references
    }
}
