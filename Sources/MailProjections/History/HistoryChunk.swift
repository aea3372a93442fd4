import Projections

/// What is known of a sealed chunk without reading its pieces.
///
/// The row: last time (8), SHA-256 of the pieces (32), then for each kind its number of pieces
/// (varint) and their first postings (8 each).
///
/// Concurrency: value.
struct HistoryChunk: Hashable, Sendable {
    var number: UInt32
    /// Time of its last event, microseconds since the Unix epoch.
    var lastTime: Int64
    /// Over all pieces in the order of their keys: what makes the digest cover rows that are not in
    /// memory.
    var sha256: [UInt8]
    /// By kind: the first postings of its pieces, ascending.
    var firsts: [[UInt64]]

    init(number: UInt32, lastTime: Int64, pieces: [[PostingPiece]]) {
        self.number = number
        self.lastTime = lastTime
        firsts = pieces.map { $0.map(\.first) }
        var digest = RowDigest()
        for kind in HistoryKind.allCases {
            for piece in pieces[kind.index] {
                digest.add(
                    key: HistoryRowKey.piece(chunk: number, kind, first: piece.first).bytes,
                    value: piece.bytes)
            }
        }
        sha256 = digest.finish()
    }

    /// Reads a row; nil when it is damaged.
    init?(number: UInt32, _ value: [UInt8]) {
        var reader = RowReader(value)
        self.number = number
        lastTime = reader.fixed(Int64.self)
        sha256 = reader.raw(32)
        firsts = []
        for _ in 0..<HistoryKind.count {
            let count = reader.count()
            guard count <= (value.count - min(reader.offset, value.count)) / 8 else { return nil }
            let words = (0..<count).map { _ in reader.fixed(UInt64.self) }
            guard zip(words, words.dropFirst()).allSatisfy(<) else { return nil }
            firsts.append(words)
        }
        guard reader.isIntact, reader.isAtEnd else { return nil }
    }

    var value: [UInt8] {
        var row = RowWriter(capacity: 48 + 8 * pieceCount)
        row.write(fixed: lastTime)
        row.write(raw: sha256)
        for words in firsts {
            row.write(varint: UInt64(words.count))
            for word in words { row.write(fixed: word) }
        }
        return row.bytes
    }

    var pieceCount: Int { firsts.reduce(0) { $0 + $1.count } }

    /// The first postings of the pieces that may have a key, with their places among all.
    func firsts(_ kind: HistoryKind, _ key: UInt64) -> ArraySlice<UInt64> {
        let words = firsts[kind.index]
        // The last piece that begins with the key or before it, and those before that one as long as
        // they begin with the key.
        let end = words.count(before: { Posting($0).key > key })
        var start = max(0, end - 1)
        while start > 0, Posting(words[start]).key == key { start -= 1 }
        return words[start..<end]
    }

    /// Whether it has a piece that begins so.
    func hasPiece(_ kind: HistoryKind, first: UInt64) -> Bool {
        let words = firsts[kind.index]
        let place = words.count(before: { $0 >= first })
        return place < words.count && words[place] == first
    }

    /// Its rows' keys, its own last.
    var keys: [[UInt8]] {
        var keys: [[UInt8]] = []
        keys.reserveCapacity(pieceCount + 1)
        for kind in HistoryKind.allCases {
            for first in firsts[kind.index] {
                keys.append(HistoryRowKey.piece(chunk: number, kind, first: first).bytes)
            }
        }
        keys.append(HistoryRowKey.chunk(number).bytes)
        return keys
    }
}

extension [UInt64] {
    /// How many come before the first one beyond, in an array that is ordered by that.
    fileprivate func count(before isBeyond: (UInt64) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if isBeyond(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
