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

    /// What the file has of a sealed chunk: every chunk from the oldest to the open one is there.
    func chunk(_ number: UInt32) throws -> HistoryChunk {
        guard let value = try value(HistoryRowKey.chunk(number).bytes),
            let chunk = HistoryChunk(number: number, value)
        else { throw Self.damaged("chunk \(number) is missing or malformed") }
        return chunk
    }

    /// Appends the postings with one of some keys in a sealed chunk.
    ///
    /// - Parameter keys: Ascending.
    func collect(
        _ kind: HistoryKind, _ keys: [UInt64], sealed chunk: HistoryChunk,
        into postings: inout [Posting]
    ) throws {
        for key in keys {
            for first in chunk.firsts(kind, key) {
                let row = HistoryRowKey.piece(chunk: chunk.number, kind, first: first)
                guard let bytes = try value(row.bytes) else {
                    throw Self.damaged("a piece of chunk \(chunk.number) is missing")
                }
                let piece = PostingPiece(first: first, bytes: bytes)
                guard piece.collect(key, into: &postings) else {
                    throw Self.damaged("a piece of chunk \(chunk.number) is malformed")
                }
            }
        }
    }

    /// Appends the postings with one of some keys in the open chunk.
    ///
    /// - Parameters:
    ///   - keys: Ascending.
    ///   - count: Of the kind, as the head says.
    func collect(
        _ kind: HistoryKind, _ keys: [UInt64], openOf count: Int, into postings: inout [Posting]
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
        let wanted = chunk.firsts(kind, key)
        for place in wanted.indices {
            _ = pieces[kind.index][place].collect(key, into: &postings)
        }
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
