/// Keys of the rows of the history: octets, numbers big-endian so that they ascend.
///
/// | key | row |
/// | --- | --- |
/// | 0 | the head: see ``History/Head`` |
/// | 1, chunk (4) | a sealed chunk: see ``HistoryChunk`` |
/// | 2, kind (1), block (4) | postings of the open chunk in the order of their arrival, 8 octets each |
/// | 3, chunk (4), kind (1), first posting (8) | a ``PostingPiece`` of a sealed chunk |
enum HistoryRowKey: Hashable, Sendable {
    case head
    case chunk(UInt32)
    case open(HistoryKind, block: UInt32)
    case piece(chunk: UInt32, HistoryKind, first: UInt64)

    var bytes: [UInt8] {
        switch self {
        case .head: return [0]
        case .chunk(let chunk): return [1] + Self.big(UInt64(chunk), 4)
        case .open(let kind, let block): return [2, kind.rawValue] + Self.big(UInt64(block), 4)
        case .piece(let chunk, let kind, let first):
            return [3] + Self.big(UInt64(chunk), 4) + [kind.rawValue] + Self.big(first, 8)
        }
    }

    /// Reads a key; nil when it is none.
    init?(_ bytes: [UInt8]) {
        switch (bytes.first, bytes.count) {
        case (0, 1): self = .head
        case (1, 5): self = .chunk(UInt32(Self.number(bytes[1...])))
        case (2, 6):
            guard let kind = HistoryKind(rawValue: bytes[1]) else { return nil }
            self = .open(kind, block: UInt32(Self.number(bytes[2...])))
        case (3, 14):
            guard let kind = HistoryKind(rawValue: bytes[5]) else { return nil }
            self = .piece(
                chunk: UInt32(Self.number(bytes[1..<5])), kind, first: Self.number(bytes[6...]))
        default: return nil
        }
    }

    private static func big(_ number: UInt64, _ octets: Int) -> [UInt8] {
        (0..<octets).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * (octets - 1 - $0))) }
    }

    private static func number(_ octets: ArraySlice<UInt8>) -> UInt64 {
        octets.reduce(0) { $0 << 8 | UInt64($1) }
    }
}
