import EventLog
import Projections

/// Everything that was said, by first letter, in rows that grow large; refuses `poison`, after it
/// has begun to take it in.
struct Journal: Projection {
    static let name = "journal"
    static let version: UInt32 = 1

    /// Why a word is refused.
    struct Refusal: Error, CustomStringConvertible {
        var description: String { "poison is not said" }
    }

    var pages: [UInt8: [UInt8]] = [:]
    var last: UInt64 = 0
    private var changed: Set<UInt8> = []
    private var isWhole = true

    init() {}

    mutating func apply(_ batch: StoredBatch) throws {
        for (index, word) in batch.bytes.split(separator: UInt8(ascii: "\n")).enumerated()
        where batch.firstSequence + UInt64(index) > last {
            guard let letter = word.first else { continue }
            pages[letter, default: []] += Array(word) + [UInt8(ascii: " ")]
            changed.insert(letter)
            if word.starts(with: Array("poison".utf8)) { throw Refusal() }
            last = batch.firstSequence + UInt64(index)
        }
        last = max(last, batch.lastSequence)
    }

    mutating func load(_ row: ProjectionRow) -> Bool {
        if row.key == [0xFF] {
            var reader = RowReader(row.value)
            last = reader.varint()
            isWhole = false
            return reader.isIntact
        }
        guard row.key.count == 1 else { return false }
        pages[row.key[0]] = row.value
        return true
    }

    func forEachRow(_ body: (ProjectionRow) throws -> Void) rethrows {
        for letter in pages.keys.sorted() {
            try body(ProjectionRow(key: [letter], value: pages[letter] ?? []))
        }
        try body(ProjectionRow(key: [0xFF], value: lastRow))
    }

    private var lastRow: [UInt8] {
        var row = RowWriter()
        row.write(varint: last)
        return row.bytes
    }

    mutating func takeCheckpoint(at position: Position) -> Checkpoint {
        let letters = isWhole ? Set(pages.keys) : changed
        let changes = letters.map { ProjectionChange(key: [$0], value: pages[$0]) }
        defer { (changed, isWhole) = ([], false) }
        return Checkpoint(
            position: position, changes: changes + [ProjectionChange(key: [0xFF], value: lastRow)],
            isWhole: isWhole)
    }

    mutating func forgetChanges() { isWhole = true }
}
