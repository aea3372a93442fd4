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

    /// Each event of the batch that has content: its sequence, size and content hash. A `received` whose
    /// hash is ``ContentHash/none`` has none, nor has one whose content stands in pieces.
    package static func contentReferences(
        _ bytes: [UInt8], firstSequence: UInt64
    ) throws(BatchDecodingError) -> [ContentReference] {
        let input = bytes.span
        let index = try BatchIndex(input)
        var types = index.columns[BatchColumn.batchType.rawValue].copied()
        var received = ContentColumns(index, .receivedSizeOctets, .receivedContentSha256)
        var pieces = ContentColumns(
            index, .contentReceivedSizeOctets, .contentReceivedContentSha256)
        var inPieces = index.columns[BatchColumn.receivedContentPiecesString.rawValue].copied()
        var references: [ContentReference] = []
        references.reserveCapacity(index.rows[ColumnGroup.received.rawValue])
        var sequence = firstSequence
        while !types.isAtEnd {
            let type = try types.varint(input, .batchType)
            defer { sequence &+= 1 }
            switch type {
            case UInt64(EventType.received.rawValue):
                let content = try received.next(input)
                let text =
                    inPieces.isAtEnd
                    ? 0 : try inPieces.varint(input, .receivedContentPiecesString)
                guard let (octets, sha256) = content, text == 0 else { continue }
                references.append(
                    ContentReference(sequence: sequence, sizeOctets: octets, sha256: sha256))
            case UInt64(EventType.contentReceived.rawValue):
                guard let (octets, sha256) = try pieces.next(input) else { continue }
                references.append(
                    ContentReference(sequence: sequence, sizeOctets: octets, sha256: sha256))
            default: continue
            }
        }
        return references
    }
}

/// The columns that say what the contents of a type's events are.
///
/// Concurrency: value.
private struct ContentColumns: ~Copyable {
    private let sizeColumn: BatchColumn
    private var sizes: WireReader
    private let hashes: WireReader
    private var row = 0

    init(_ index: borrowing BatchIndex, _ sizes: BatchColumn, _ hashes: BatchColumn) {
        sizeColumn = sizes
        self.sizes = index.columns[sizes.rawValue].copied()
        self.hashes = index.columns[hashes.rawValue].copied()
    }

    /// The next event's size and hash; nil when it has no content.
    mutating func next(
        _ input: Span<UInt8>
    ) throws(BatchDecodingError) -> (octets: Int, sha256: [UInt8])? {
        defer { row += 1 }
        let size = sizes.isAtEnd ? 0 : try sizes.varint(input, sizeColumn)
        guard let octets = Int(exactly: size) else {
            throw BatchDecodingError(.valueOutOfRange, offset: sizes.position - 1, sizeColumn)
        }
        // A column of zeros is left out: no event of the batch has content.
        guard !hashes.isAtEnd else { return nil }
        var sha256 = ContentHash.none
        let start = hashes.position + row * 32
        for position in 0..<32 { sha256[position] = input[start + position] }
        return sha256 == ContentHash.none ? nil : (octets, sha256)
    }
}
