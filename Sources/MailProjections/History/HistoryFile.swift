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

    /// Appends the postings with one of some keys, which ascend, in a sealed chunk.
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

    /// The postings of the open chunk: of a kind as many as the head says.
    func open(_ kind: HistoryKind, count: Int) throws -> [UInt64] {
        var words: [UInt64] = []
        words.reserveCapacity(count)
        for block in 0..<(count + History.blockPostings - 1) / History.blockPostings {
            guard let value = try value(HistoryRowKey.open(kind, block: UInt32(block)).bytes) else {
                throw Self.damaged("postings are missing")
            }
            let octets = unsafe value.span.bytes
            for offset in stride(from: 0, to: value.count - 7, by: 8) {
                // Every bit pattern is a number, and the span checks its bounds.
                let word = unsafe octets.unsafeLoadUnaligned(
                    fromByteOffset: offset, as: UInt64.self)
                words.append(UInt64(littleEndian: word))
            }
        }
        return words
    }

    private static func damaged(_ what: String) -> ProjectionError {
        ProjectionError(message: "the history is damaged: \(what)", file: "", isDamage: true)
    }
}

extension History {
    /// Appends the postings with one of some keys, which ascend, in a chunk, as far as they are in
    /// memory.
    func collect(
        _ kind: HistoryKind, _ keys: [UInt64], chunk: UInt64, into postings: inout [Posting]
    ) {
        if chunk == head.openChunk {
            open[kind.index].collect(keys, into: &postings)
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
    /// Appends the postings among these that have one of some keys, which ascend.
    func collect(_ keys: [UInt64], into postings: inout [Posting]) {
        for word in self where keys.has(word >> Posting.offsetBits) {
            postings.append(Posting(word))
        }
    }

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
