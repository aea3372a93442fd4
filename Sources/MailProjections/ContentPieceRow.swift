import Projections

/// Rows of ``ContentPieces`` in a checkpoint, after those of open attempts.
///
/// ```
/// key    octets 0xFF 0x03, the first sequence of a stretch, big-endian (8)
/// value  its last sequence (8), its minute since the Unix epoch (8)
/// key    octets 0xFF 0x04, a message's sequence, big-endian (8)
/// value  for each of its pieces, in order: the message's sequence minus the piece's (zigzag)
/// ```
///
/// Concurrency: no state.
enum ContentPieceRow {
    private static let stretch: [UInt8] = [0xFF, 0x03]
    private static let message: [UInt8] = [0xFF, 0x04]

    /// The row's key.
    static func key(_ row: ContentPieces.Row) -> [UInt8] {
        switch row {
        case .stretch(let first): stretch + octets(first)
        case .message(let sequence): message + octets(sequence)
        }
    }

    private static func octets(_ sequence: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: sequence >> (56 - 8 * $0)) }
    }

    /// The row that a key names; nil when it names none of these.
    static func row(_ key: [UInt8]) -> ContentPieces.Row? {
        guard key.count == 10 else { return nil }
        let sequence = key.dropFirst(2).reduce(0) { $0 << 8 | UInt64($1) }
        if key.starts(with: stretch) { return .stretch(sequence) }
        return key.starts(with: message) ? .message(sequence) : nil
    }

    /// The row's value; nil when it is not there any more.
    static func make(_ row: ContentPieces.Row, of pieces: ContentPieces) -> [UInt8]? {
        var writer = RowWriter(capacity: 16)
        switch row {
        case .stretch(let first):
            guard let stretch = pieces.stretch(first) else { return nil }
            writer.write(fixed: stretch.last)
            writer.write(fixed: stretch.minute)
        case .message(let sequence):
            guard let list = pieces.byMessage[sequence] else { return nil }
            for piece in list { writer.write(signed: Int64(bitPattern: sequence &- piece)) }
        }
        return writer.bytes
    }

    /// Takes a row in.
    ///
    /// - Parameters:
    ///   - row: Which.
    ///   - value: Its value.
    ///   - pieces: Where it goes.
    /// - Returns: Whether it is one.
    static func load(
        _ row: ContentPieces.Row, _ value: [UInt8], into pieces: inout ContentPieces
    ) -> Bool {
        var reader = RowReader(value)
        switch row {
        case .stretch(let first):
            if value.count == 8 {
                // Version 4 had a row for each piece, with its time.
                let minute = reader.fixed(Int64.self) / ContentPieces.Stretch.microseconds
                return pieces.load(ContentPieces.Stretch(first: first, last: first, minute: minute))
            }
            let last = reader.fixed(UInt64.self)
            let minute = reader.fixed(Int64.self)
            let stretch = ContentPieces.Stretch(first: first, last: last, minute: minute)
            return reader.isIntact && reader.isAtEnd && pieces.load(stretch)
        case .message(let sequence):
            var list: [UInt64] = []
            while !reader.isAtEnd, reader.isIntact {
                list.append(sequence &- UInt64(bitPattern: reader.signed()))
            }
            return reader.isIntact && pieces.load(list, of: sequence)
        }
    }
}
