/// Rows by sequence, in ascending order, in two parallel arrays.
///
/// Sequences only grow, so a new row goes to the end, and finding one is a binary search: 16 octets
/// a row beside the row itself, where a hash table takes 40. A removed row leaves a gap; the gaps
/// are closed once they are the greater part.
///
/// Concurrency: value.
struct MessageTable: Sendable {
    private(set) var sequences: [UInt64] = []
    /// A row for each sequence; empty when it was removed.
    private(set) var rows: [[UInt8]] = []
    private var gaps = 0
    /// Storage of removed rows for new ones: many messages come and go within a batch or two.
    private var spare: [[UInt8]] = []

    /// Rows that are there.
    var count: Int { rows.count - gaps }

    /// Adds a row; the sequence is greater than all before.
    mutating func append(_ sequence: UInt64, _ row: [UInt8]) {
        sequences.append(sequence)
        rows.append(row)
    }

    /// Where the row stands, until the next change of the table; nil if there is none.
    func index(of sequence: UInt64) -> Int? {
        let index = firstIndex(from: sequence)
        guard index < sequences.count, sequences[index] == sequence, !rows[index].isEmpty
        else { return nil }
        return index
    }

    /// The first place whose sequence is at or after the one given.
    func firstIndex(from sequence: UInt64) -> Int {
        var low = 0
        var high = sequences.count
        // Most events are about a message that came a short while ago.
        var step = 16
        while high - step > 0 {
            if sequences[high - step] < sequence {
                low = high - step
                break
            }
            high -= step
            step *= 4
        }
        while low < high {
            let middle = (low + high) / 2
            if sequences[middle] < sequence { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The row at a place, for changing it where it is; it must not become empty.
    subscript(index: Int) -> [UInt8] {
        get { rows[index] }
        _modify { yield &rows[index] }
    }

    /// Storage for a new row: empty, with room for a message with one recipient.
    mutating func room() -> [UInt8] {
        if let room = spare.popLast() { return room }
        var room: [UInt8] = []
        room.reserveCapacity(Limits.rowOctets)
        return room
    }

    /// Removes the row at a place.
    mutating func remove(at index: Int) {
        var row: [UInt8] = []
        swap(&row, &rows[index])
        // Not those that have grown: a message that stays must not take more than it needs.
        if spare.count < Limits.spareRows, row.capacity < Limits.rowOctets + 32 {
            row.removeAll(keepingCapacity: true)
            spare.append(row)
        }
        gaps += 1
        guard gaps >= 512, gaps > count else { return }
        var kept = 0
        for index in sequences.indices where !rows[index].isEmpty {
            sequences[kept] = sequences[index]
            rows.swapAt(kept, index)
            kept += 1
        }
        sequences.removeSubrange(kept...)
        rows.removeSubrange(kept...)
        gaps = 0
    }
}
