import Projections

/// When each message that has open recipients was received, by sequence.
///
/// Open addressing; a run of 64 sequences stands together, so that neighbours in the log are
/// neighbours in memory. 24 octets a place, at most half of them used.
///
/// Concurrency: value.
struct LiveMessages: Sendable {
    /// A message.
    struct Entry: Hashable, Sendable {
        /// 0 for an empty place; sequences start at 1.
        var sequence: UInt64 = 0
        var receivedAt: Int64 = 0
        var epoch: UInt32 = 0
        /// Recipients that are not final.
        var open: UInt32 = 0
    }

    /// Sequences in one row: bounds what a final recipient rewrites.
    private static let blockShift: UInt64 = 8

    private var places = [Entry](repeating: Entry(), count: 1024)
    private(set) var count = 0
    /// Messages up to this one have been in a checkpoint.
    private var savedThrough: UInt64 = 0
    /// Blocks up to there that have changed since.
    private var changedBlocks: Set<UInt64> = []

    /// Nothing waits.
    init() {}

    /// Adds a message; its sequence is greater than all before.
    mutating func insert(_ entry: Entry) {
        if (count + 1) * 2 > places.count { resize(places.count * 2) }
        let mask = places.count - 1
        var place = home(entry.sequence)
        while places[place].sequence != 0, places[place].sequence != entry.sequence {
            place = (place + 1) & mask
        }
        if places[place].sequence == 0 { count += 1 }
        places[place] = entry
    }

    /// When the message was received; nil when it is not live. `isFinal` says that one of its
    /// recipients is final now; the message goes with the last one.
    mutating func find(_ sequence: UInt64, epoch: UInt32, isFinal: Bool) -> Int64? {
        guard sequence != 0, let place = place(of: sequence), places[place].epoch == epoch
        else { return nil }
        let receivedAt = places[place].receivedAt
        guard isFinal else { return receivedAt }
        if sequence <= savedThrough { changedBlocks.insert(sequence >> Self.blockShift) }
        places[place].open &-= 1
        if places[place].open == 0 { remove(at: place) }
        return receivedAt
    }

    private func home(_ sequence: UInt64) -> Int {
        let run = ((sequence >> 6) &* 0x9E37_79B9_7F4A_7C15) >> 26
        return Int(truncatingIfNeeded: run << 6 | sequence & 63) & (places.count - 1)
    }

    private func place(of sequence: UInt64) -> Int? {
        let mask = places.count - 1
        var place = home(sequence)
        while places[place].sequence != sequence {
            if places[place].sequence == 0 { return nil }
            place = (place + 1) & mask
        }
        return place
    }

    private mutating func remove(at start: Int) {
        let mask = places.count - 1
        var hole = start
        places[hole] = Entry()
        count -= 1
        var next = (hole + 1) & mask
        while places[next].sequence != 0 {
            let home = home(places[next].sequence)
            if (next &- home) & mask >= (next &- hole) & mask {
                places[hole] = places[next]
                places[next] = Entry()
                hole = next
            }
            next = (next + 1) & mask
        }
        if places.count > 1024, count * 16 < places.count { resize(places.count / 4) }
    }

    private mutating func resize(_ size: Int) {
        let old = places
        places = [Entry](repeating: Entry(), count: size)
        let mask = size - 1
        for entry in old where entry.sequence != 0 {
            var place = home(entry.sequence)
            while places[place].sequence != 0 { place = (place + 1) & mask }
            places[place] = entry
        }
    }

    // MARK: Rows

    /// Every row's block and value, ascending.
    func forEachRow(_ body: (UInt64, [UInt8]) throws -> Void) rethrows {
        let entries = places.filter { $0.sequence != 0 }.sorted { $0.sequence < $1.sequence }
        var start = 0
        while start < entries.count {
            let block = entries[start].sequence >> Self.blockShift
            var end = start
            while end < entries.count, entries[end].sequence >> Self.blockShift == block {
                end += 1
            }
            try body(block, Self.row(entries[start..<end]))
            start = end
        }
    }

    /// The blocks that have changed since the last call and their values, nil for empty ones.
    mutating func takeChanges(through last: UInt64) -> [(block: UInt64, value: [UInt8]?)] {
        var changes: [(UInt64, [UInt8]?)] = changedBlocks.map { ($0, value(ofBlock: $0)) }
        let border = savedThrough >> Self.blockShift
        if last <= savedThrough {
            // Nothing new.
        } else if count < Int(clamping: last - savedThrough) / 8 {
            forEachRow { block, value in
                if block >= border, !changedBlocks.contains(block) {
                    changes.append((block, value))
                }
            }
        } else {
            for block in border...last >> Self.blockShift where !changedBlocks.contains(block) {
                if let value = value(ofBlock: block) { changes.append((block, value)) }
            }
        }
        changedBlocks = []
        savedThrough = max(savedThrough, last)
        return changes
    }

    /// Makes the next ``takeChanges(through:)`` whole.
    mutating func forgetChanges() {
        savedThrough = 0
        changedBlocks = []
    }

    /// The rows that were loaded are all there is up to this event.
    mutating func loaded(through last: UInt64) { savedThrough = last }

    private func value(ofBlock block: UInt64) -> [UInt8]? {
        let first = block << Self.blockShift
        var entries: [Entry] = []
        for sequence in first..<(first + (1 << Self.blockShift)) where sequence != 0 {
            if let place = place(of: sequence) { entries.append(places[place]) }
        }
        return entries.isEmpty ? nil : Self.row(entries[...])
    }

    /// Of each message: offset in the block (1), epoch, received at (signed), open recipients.
    private static func row(_ entries: ArraySlice<Entry>) -> [UInt8] {
        var row = RowWriter(capacity: entries.count * 14)
        for entry in entries {
            row.write(UInt8(truncatingIfNeeded: entry.sequence))
            row.write(varint: UInt64(entry.epoch))
            row.write(signed: entry.receivedAt)
            row.write(varint: UInt64(entry.open))
        }
        return row.bytes
    }

    /// Takes in a row; false when it is malformed.
    mutating func load(block: UInt64, value: [UInt8]) -> Bool {
        var reader = RowReader(value)
        var last = -1
        guard !value.isEmpty, block <= .max >> Self.blockShift else { return false }
        while !reader.isAtEnd {
            let offset = Int(reader.byte())
            guard let epoch = UInt32(exactly: reader.varint()) else { return false }
            let receivedAt = reader.signed()
            let open = reader.varint()
            guard reader.isIntact, offset > last, open > 0, let open = UInt32(exactly: open)
            else { return false }
            last = offset
            let sequence = block << Self.blockShift | UInt64(offset)
            guard sequence > 0 else { return false }
            insert(
                Entry(sequence: sequence, receivedAt: receivedAt, epoch: epoch, open: open))
        }
        return reader.isIntact
    }
}
