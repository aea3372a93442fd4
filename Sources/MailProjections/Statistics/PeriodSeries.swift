import Projections

/// Counters by minute, hour or day, held as the bytes of their rows.
///
/// Periods are only ever added at the end, and dropped a whole chunk at a time at the beginning. A
/// period in which nothing happened has no entry. A chunk is the bytes of one row: for each period
/// its offset within the chunk (1 octet) and what was recorded. The chunks stand one behind the other
/// in one array: most have a few entries only, for which an array each would be mostly overhead.
///
/// Concurrency: value.
struct PeriodSeries: Sendable {
    /// Consecutive periods.
    struct Chunk: Sendable {
        /// Period / periods in a chunk.
        var number: UInt32
        var bytes: [UInt8]
    }

    private struct Mark {
        var number: UInt32
        /// Where the chunk begins in ``bytes``.
        var start: UInt32
    }

    private var bytes: [UInt8] = []
    private var marks: [Mark] = []
    /// Chunks from this number on differ from the last checkpoint's; nil when none does.
    private var changedFrom: UInt32?
    /// The last chunk that the last checkpoint has; nil when it has none.
    private var savedLast: UInt32?
    /// Chunks that are gone since the last checkpoint, which has them.
    private var removed: [UInt32] = []

    /// Nothing recorded.
    init() {}

    /// How many chunks there are.
    var chunkCount: Int { marks.count }

    /// The first chunk's number; the largest when there is none. Kept beside the chunks: each day asks
    /// it of every subject, most of which lie outside of the processor's caches.
    private(set) var oldestChunk = UInt32.max

    /// The chunks, made when asked for.
    var chunks: [Chunk] {
        marks.indices.map { Chunk(number: marks[$0].number, bytes: Array(bytes[range($0)])) }
    }

    private func range(_ index: Int) -> Range<Int> {
        Int(
            marks[index].start)..<(index + 1 < marks.count
            ? Int(marks[index + 1].start) : bytes.count)
    }

    /// Records a period, later than all before; `write` writes what there is to say of it.
    @inline(__always)
    mutating func append(
        _ period: UInt32, chunkPeriods: UInt32, _ write: (inout RowWriter) -> Void
    ) {
        let number = period / chunkPeriods
        if marks.last.map({ $0.number < number }) ?? true {
            if marks.isEmpty { oldestChunk = number }
            marks.append(Mark(number: number, start: UInt32(bytes.count)))
            // The period that was open in a subject long idle may lie before what was dropped.
            if !removed.isEmpty { removed.removeAll { $0 == number } }
        }
        var row = RowWriter()
        swap(&row.bytes, &bytes)
        row.write(UInt8(truncatingIfNeeded: period % chunkPeriods))
        write(&row)
        swap(&row.bytes, &bytes)
        if changedFrom == nil { changedFrom = number }
    }

    /// Drops the chunks that lie wholly before a period.
    mutating func drop(before period: UInt32, chunkPeriods: UInt32) {
        let first = period / chunkPeriods
        guard oldestChunk < first else { return }
        let count = marks.firstIndex { $0.number >= first } ?? marks.count
        for mark in marks[..<count] where isSaved(mark.number) { removed.append(mark.number) }
        let octets = range(count - 1).upperBound
        marks.removeFirst(count)
        bytes.removeFirst(octets)
        for index in marks.indices { marks[index].start -= UInt32(octets) }
        // What a busy time needed is not kept for a quiet one.
        if bytes.capacity > 256, bytes.count * 4 < bytes.capacity { bytes = Array(bytes[...]) }
        if marks.isEmpty { (marks, bytes) = ([], []) }
        oldestChunk = marks.first?.number ?? .max
    }

    /// Calls `body` with each period and a reader that stands at what was recorded of it, which
    /// `body` must read.
    func forEach(
        from period: UInt32, chunkPeriods: UInt32, _ body: (UInt32, inout RowReader) -> Void
    ) {
        guard let first = marks.firstIndex(where: { $0.number >= period / chunkPeriods })
        else { return }
        var reader = RowReader(bytes, at: Int(marks[first].start))
        for index in first..<marks.count {
            let end = range(index).upperBound
            while reader.offset < end {
                let offset = UInt32(reader.byte())
                body(marks[index].number * chunkPeriods + offset, &reader)
            }
        }
    }

    /// Whether there is nothing.
    var isEmpty: Bool { marks.isEmpty }

    // MARK: Checkpoints

    /// The chunks that differ from the last checkpoint's, nil for those that are gone; begins the
    /// next collection.
    mutating func takeChanges() -> [(number: UInt32, bytes: [UInt8]?)] {
        var changes: [(UInt32, [UInt8]?)] = removed.map { ($0, nil) }
        if let changedFrom {
            for index in marks.indices where marks[index].number >= changedFrom {
                changes.append((marks[index].number, Array(bytes[range(index)])))
            }
        }
        changedFrom = nil
        removed = []
        savedLast = marks.last?.number
        return changes
    }

    /// Makes the next ``takeChanges()`` whole.
    mutating func forgetChanges() {
        changedFrom = marks.first?.number
        removed = []
        savedLast = nil
    }

    /// The numbers of the chunks that the last checkpoint has.
    var savedNumbers: [UInt32] { removed + marks.map(\.number).filter(isSaved) }

    /// Whether the last checkpoint has a chunk of that number, be it with other bytes.
    private func isSaved(_ number: UInt32) -> Bool { savedLast.map { number <= $0 } ?? false }

    /// Takes in a row, the rows in order; `skip` reads what was recorded of one period. False when
    /// it is malformed.
    mutating func load(
        number: UInt32, bytes: [UInt8], chunkPeriods: UInt32, skip: (inout RowReader) -> Void
    ) -> Bool {
        guard !bytes.isEmpty, number <= .max / chunkPeriods - 1,
            marks.last.map({ $0.number < number }) ?? true
        else { return false }
        var reader = RowReader(bytes)
        var last = -1
        while !reader.isAtEnd {
            let offset = Int(reader.byte())
            guard offset > last, offset < Int(chunkPeriods) else { return false }
            last = offset
            skip(&reader)
        }
        if marks.isEmpty { oldestChunk = number }
        marks.append(Mark(number: number, start: UInt32(self.bytes.count)))
        self.bytes += bytes
        savedLast = number
        return reader.isIntact
    }
}
