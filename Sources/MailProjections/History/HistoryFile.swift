import Projections

// Postings of a history that stands in a file.
extension ProjectionRows.Snapshot {
    /// The head, and the postings in the open chunk by kind.
    func head() throws -> (head: History.Head, counts: [Int]) {
        guard let value = try value(HistoryRowKey.head.bytes),
            let found = History.Head.read(value)
        else { throw Self.damaged("the head is missing or malformed") }
        return found
    }

    /// Appends the postings with one of some keys in a chunk.
    ///
    /// - Parameter keys: Ascending.
    func collect(
        _ kind: HistoryKind, _ keys: [UInt64], chunk: UInt64, head: History.Head, counts: [Int],
        into postings: inout [Posting]
    ) throws {
        if chunk < head.openChunk {
            for key in keys {
                try collectSealed(kind, key, UInt32(truncatingIfNeeded: chunk), into: &postings)
            }
        } else if chunk == head.openChunk {
            try collectOpen(kind, keys, count: counts[kind.index], into: &postings)
        }
    }

    /// Looks from the last piece that may have the key back to the first.
    private func collectSealed(
        _ kind: HistoryKind, _ key: UInt64, _ chunk: UInt32, into postings: inout [Posting]
    ) throws {
        var bound = Posting(key: key, offset: Posting.offsetMask).word
        while let row = try floor(HistoryRowKey.piece(chunk: chunk, kind, first: bound).bytes),
            case .piece(chunk, kind, let first)? = HistoryRowKey(row.key)
        {
            let piece = PostingPiece(first: first, bytes: row.value)
            let isIntact = piece.forEach { posting in
                if posting.key == key { postings.append(posting) }
                return posting.key <= key
            }
            guard isIntact else { throw Self.damaged("a piece is malformed") }
            guard Posting(first).key == key, first > 0 else { break }
            bound = first - 1
        }
    }

    private func collectOpen(
        _ kind: HistoryKind, _ keys: [UInt64], count: Int, into postings: inout [Posting]
    ) throws {
        for block in 0..<(count + History.blockPostings - 1) / History.blockPostings {
            guard let value = try value(HistoryRowKey.open(kind, block: UInt32(block)).bytes) else {
                throw Self.damaged("postings are missing")
            }
            var reader = RowReader(value)
            for _ in 0..<value.count / 8 {
                let posting = Posting(reader.fixed(UInt64.self))
                if keys.has(posting.key) { postings.append(posting) }
            }
        }
    }

    private static func damaged(_ what: String) -> ProjectionError {
        ProjectionError(message: "the history is damaged: \(what)", file: "", isDamage: true)
    }
}

extension History {
    /// Appends the postings with one of some keys in a chunk, as far as they are in memory.
    ///
    /// - Parameter keys: Ascending.
    func collect(
        _ kind: HistoryKind, _ keys: [UInt64], chunk: UInt64, into postings: inout [Posting]
    ) {
        if chunk == head.openChunk {
            for word in open[kind.index] where keys.has(word >> Posting.offsetBits) {
                postings.append(Posting(word))
            }
        }
        for sealed in [taken, pending].joined() where UInt64(sealed.chunk.number) == chunk {
            for key in keys { sealed.collect(kind, key, into: &postings) }
        }
    }

    /// The first chunk of which memory has every posting.
    var firstChunkInMemory: UInt64 {
        (taken.first ?? pending.first).map { UInt64($0.chunk.number) } ?? head.openChunk
    }
}

extension History.Sealed {
    func collect(_ kind: HistoryKind, _ key: UInt64, into postings: inout [Posting]) {
        let pieces = pieces[kind.index]
        // The last piece that begins at or before the key, and those before it that begin with it.
        var place = pieces.partition { Posting($0.first).key > key }
        while place > 0 {
            place -= 1
            _ = pieces[place].forEach { posting in
                if posting.key == key { postings.append(posting) }
                return posting.key <= key
            }
            if Posting(pieces[place].first).key != key { break }
        }
    }
}

extension [PostingPiece] {
    /// How many elements come before the first one beyond, in an array ordered by that.
    fileprivate func partition(_ isBeyond: (PostingPiece) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if isBeyond(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

extension [UInt64] {
    /// Whether a number is among these, which ascend.
    @inline(__always)
    func has(_ number: UInt64) -> Bool {
        if count == 1 { return self[0] == number }
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < number { low = middle + 1 } else { high = middle }
        }
        return low < count && self[low] == number
    }
}
