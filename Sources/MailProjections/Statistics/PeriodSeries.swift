import Projections

/// Counters by minute, hour or day, held as the bytes of their rows.
///
/// Periods are only ever added at the end, and dropped a whole chunk at a time at the beginning. A
/// period in which nothing happened has no entry. A chunk is the bytes of one row: for each period
/// its offset within the chunk (1 octet) and what was recorded.
///
/// Concurrency: value.
struct PeriodSeries: Sendable {
    /// Consecutive periods.
    struct Chunk: Sendable {
        /// Period / periods in a chunk.
        var number: UInt32
        var bytes: [UInt8]
    }

    private(set) var chunks: [Chunk] = []
    /// Chunks from this number on differ from the last checkpoint's; nil when none does.
    private var changedFrom: UInt32?
    /// The last chunk that the last checkpoint has; nil when it has none.
    private var savedLast: UInt32?
    /// Chunks that are gone since the last checkpoint, which has them.
    private var removed: [UInt32] = []

    /// Nothing recorded.
    init() {}

    /// Records a period, later than all before; `write` writes what there is to say of it.
    mutating func append(
        _ period: UInt32, chunkPeriods: UInt32, _ write: (inout RowWriter) -> Void
    ) {
        let number = period / chunkPeriods
        if chunks.last.map({ $0.number < number }) ?? true {
            chunks.append(Chunk(number: number, bytes: []))
            // The period that was open in a subject long idle may lie before what was dropped.
            if !removed.isEmpty { removed.removeAll { $0 == number } }
        }
        var taken: [UInt8] = []
        swap(&taken, &chunks[chunks.count - 1].bytes)
        var row = RowWriter(continuing: taken)
        taken = []
        row.write(UInt8(truncatingIfNeeded: period % chunkPeriods))
        write(&row)
        chunks[chunks.count - 1].bytes = row.bytes
        if changedFrom == nil { changedFrom = number }
    }

    /// Drops the chunks that lie wholly before a period.
    mutating func drop(before period: UInt32, chunkPeriods: UInt32) {
        let first = period / chunkPeriods
        guard let oldest = chunks.first, oldest.number < first else { return }
        let gone = chunks.prefix { $0.number < first }.map(\.number)
        removed += gone.filter(isSaved)
        chunks.removeFirst(gone.count)
    }

    /// Calls `body` with each period and a reader that stands at what was recorded of it, which
    /// `body` must read.
    func forEach(
        from period: UInt32, chunkPeriods: UInt32, _ body: (UInt32, inout RowReader) -> Void
    ) {
        for chunk in chunks where chunk.number >= period / chunkPeriods {
            var reader = RowReader(chunk.bytes)
            while !reader.isAtEnd {
                let offset = UInt32(reader.byte())
                body(chunk.number * chunkPeriods + offset, &reader)
            }
        }
    }

    /// Whether there is nothing.
    var isEmpty: Bool { chunks.isEmpty }

    // MARK: Checkpoints

    /// The chunks that differ from the last checkpoint's, nil for those that are gone; begins the
    /// next collection.
    mutating func takeChanges() -> [(number: UInt32, bytes: [UInt8]?)] {
        var changes: [(UInt32, [UInt8]?)] = removed.map { ($0, nil) }
        if let changedFrom {
            for chunk in chunks where chunk.number >= changedFrom {
                changes.append((chunk.number, chunk.bytes))
            }
        }
        changedFrom = nil
        removed = []
        savedLast = chunks.last?.number
        return changes
    }

    /// Makes the next ``takeChanges()`` whole.
    mutating func forgetChanges() {
        changedFrom = chunks.first?.number
        removed = []
        savedLast = nil
    }

    /// The numbers of the chunks that the last checkpoint has.
    var savedNumbers: [UInt32] { removed + chunks.map(\.number).filter(isSaved) }

    /// Whether the last checkpoint has a chunk of that number, be it with other bytes.
    private func isSaved(_ number: UInt32) -> Bool { savedLast.map { number <= $0 } ?? false }

    /// Takes in a row, the rows in order; `skip` reads what was recorded of one period. False when
    /// it is malformed.
    mutating func load(
        number: UInt32, bytes: [UInt8], chunkPeriods: UInt32, skip: (inout RowReader) -> Void
    ) -> Bool {
        guard !bytes.isEmpty, number <= .max / chunkPeriods - 1,
            chunks.last.map({ $0.number < number }) ?? true
        else { return false }
        var reader = RowReader(bytes)
        var last = -1
        while !reader.isAtEnd {
            let offset = Int(reader.byte())
            guard offset > last, offset < Int(chunkPeriods) else { return false }
            last = offset
            skip(&reader)
        }
        chunks.append(Chunk(number: number, bytes: bytes))
        savedLast = number
        return reader.isIntact
    }
}
