/// The distinct texts of a batch in order of first use, already in their encoded form.
///
/// An open-addressing hash table over the UTF-8 octets, with linear probing. Slots carry the number
/// of the batch they belong to, so a new batch begins without clearing anything. The hash is seeded
/// so that a sender cannot choose recipients that all collide; the seed does not show in the bytes.
///
/// Concurrency: value.
struct StringTable {
    /// The table as field 5 of `EventBatch`: tag, length and octets of each text.
    private(set) var bytes: [UInt8] = []
    private var entries: [Entry] = []
    private var slots: [Slot]
    private var batch: UInt32 = 1
    private let seed: UInt64

    private struct Entry {
        var offset: Int
        var length: Int
    }

    private struct Slot {
        /// The batch in which the slot was filled; 0 for never.
        var batch: UInt32 = 0
        var hash: UInt32 = 0
        /// Number of the text, from 1.
        var index: UInt32 = 0
    }

    private static let tag = UInt8(5 << 3 | 2)

    /// Creates an empty table.
    init(seed: UInt64) {
        self.seed = seed
        slots = Array(repeating: Slot(), count: 1024)
    }

    /// Begins a new batch.
    mutating func removeAll() {
        let keeps = bytes.count <= Limits.keptColumnOctetsMax
        if !keeps { slots = Array(repeating: Slot(), count: 1024) }
        bytes.removeAll(keepingCapacity: keeps)
        entries.removeAll(keepingCapacity: keeps)
        batch &+= 1
        if batch == 0 {
            let count = slots.count
            slots = Array(repeating: Slot(), count: count)
            batch = 1
        }
    }

    /// The number of a text, from 1; 0 for the empty text.
    mutating func index(of text: String) -> UInt64 {
        let octets = unsafe text.utf8.span.bytes
        let length = octets.byteCount
        if length == 0 { return 0 }
        let hash = TextHash.hash(octets, seed: seed)
        let mask = slots.count - 1
        var position = Int(truncatingIfNeeded: hash) & mask
        let short = UInt32(truncatingIfNeeded: hash >> 32)
        while slots[position].batch == batch {
            if slots[position].hash == short {
                let entry = entries[Int(slots[position].index) - 1]
                if entry.length == length
                    && equal(octets, at: entry.offset, length: length)
                {
                    return UInt64(slots[position].index)
                }
            }
            position = (position + 1) & mask
        }
        return insert(text, length: length, hash: short, at: position)
    }

    private mutating func insert(
        _ text: String, length: Int, hash: UInt32, at position: Int
    ) -> UInt64 {
        bytes.append(Self.tag)
        bytes.appendVarint(UInt64(length))
        entries.append(Entry(offset: bytes.count, length: length))
        bytes.append(contentsOf: text.utf8)
        let index = UInt32(entries.count)
        slots[position] = Slot(batch: batch, hash: hash, index: index)
        if entries.count * 2 > slots.count { grow() }
        return UInt64(index)
    }

    private mutating func grow() {
        var grown = Array(repeating: Slot(), count: slots.count * 2)
        let mask = grown.count - 1
        for (number, entry) in entries.enumerated() {
            let end = entry.offset + entry.length
            let octets = unsafe bytes.span.bytes.extracting(entry.offset..<end)
            let hash = TextHash.hash(octets, seed: seed)
            var position = Int(truncatingIfNeeded: hash) & mask
            while grown[position].batch == batch { position = (position + 1) & mask }
            grown[position] = Slot(
                batch: batch, hash: UInt32(truncatingIfNeeded: hash >> 32),
                index: UInt32(number) + 1)
        }
        slots = grown
    }

    @inline(__always)
    private func equal(_ octets: RawSpan, at offset: Int, length: Int) -> Bool {
        let stored = unsafe bytes.span.bytes
        var done = 0
        while done + 8 <= length {
            if octets.word(at: done) != stored.word(at: offset + done) { return false }
            done += 8
        }
        while done < length {
            if octets.octet(at: done) != stored.octet(at: offset + done) { return false }
            done += 1
        }
        return true
    }
}
