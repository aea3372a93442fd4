import Projections

/// A run of sorted postings as one row: the first stands in the row's key, each further one as its
/// difference from the one before.
///
/// A further posting with the same key: its offset's difference times 2 plus 1 (varint). One with
/// another key: the key's difference times 2 (varint), then its offset (varint).
///
/// Concurrency: value.
struct PostingPiece: Hashable, Sendable {
    /// The first posting.
    var first: UInt64
    /// The further ones.
    var bytes: [UInt8]

    /// Cuts sorted words, none twice, into pieces.
    ///
    /// - Parameters:
    ///   - words: Ascending.
    ///   - octets: At most so many in a piece's ``bytes``.
    /// - Returns: The pieces, ascending.
    static func pieces(of words: [UInt64], octets: Int) -> [PostingPiece] {
        var pieces: [PostingPiece] = []
        guard var before = words.first.map(Posting.init) else { return [] }
        var first = before.word
        var row = RowWriter(capacity: octets)
        for word in words.dropFirst() {
            let posting = Posting(word)
            // Two varints of at most 45 and 20 bits.
            if row.bytes.count + 10 > octets {
                pieces.append(PostingPiece(first: first, bytes: row.bytes))
                row = RowWriter(capacity: octets)
                first = word
            } else if posting.key == before.key {
                row.write(varint: (posting.offset - before.offset) << 1 | 1)
            } else {
                row.write(varint: (posting.key - before.key) << 1)
                row.write(varint: posting.offset)
            }
            before = posting
        }
        pieces.append(PostingPiece(first: first, bytes: row.bytes))
        return pieces
    }

    /// Hands over the postings in order, until `body` returns false.
    ///
    /// - Returns: False when the bytes are malformed; what came before was handed over.
    func forEach(_ body: (Posting) -> Bool) -> Bool {
        var posting = Posting(first)
        guard body(posting) else { return true }
        var reader = RowReader(bytes)
        while !reader.isAtEnd {
            let step = reader.varint()
            if step & 1 == 1 {
                let offset = posting.offset + step >> 1
                guard step >> 1 > 0, offset <= Posting.offsetMask else { return false }
                posting = Posting(key: posting.key, offset: offset)
            } else {
                let offset = reader.varint()
                let (key, overflow) = posting.key.addingReportingOverflow(step >> 1)
                guard step > 0, !overflow, key <= Posting.keyMaximum,
                    offset <= Posting.offsetMask
                else { return false }
                posting = Posting(key: key, offset: offset)
            }
            guard reader.isIntact else { return false }
            if !body(posting) { return true }
        }
        return reader.isIntact
    }

    /// Appends the postings with a key, ascending.
    ///
    /// - Returns: False when the bytes are malformed.
    func collect(_ key: UInt64, into postings: inout [Posting]) -> Bool {
        forEach { posting in
            if posting.key == key { postings.append(posting) }
            return posting.key <= key
        }
    }
}
