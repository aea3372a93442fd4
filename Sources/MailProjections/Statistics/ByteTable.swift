/// Gives texts dense numbers, and numbers their texts; a number that was given back is used again.
///
/// Numbers depend on the order in which texts came and went, so nothing that is kept or compared
/// may depend on them.
///
/// Concurrency: value.
struct ByteTable: Sendable {
    /// The text of each number; empty for one that was given back, and for the empty text.
    private(set) var texts: [[UInt8]] = []
    private var hashes: [UInt64] = []
    private var spare: [UInt32] = []
    /// Open addressing with linear probing: number + 1, 0 for an empty place.
    private var places = [UInt32](repeating: 0, count: 64)
    /// Texts that have a number.
    private(set) var count = 0

    /// The number of a text; nil when it has none.
    func find(_ text: ArraySlice<UInt8>) -> UInt32? {
        let place = place(of: text, hash: Self.hash(text))
        return places[place] == 0 ? nil : places[place] - 1
    }

    /// The number of a text, a new one if it has none.
    mutating func insert(_ text: ArraySlice<UInt8>) -> (number: UInt32, isNew: Bool) {
        let hash = Self.hash(text)
        let place = place(of: text, hash: hash)
        guard places[place] == 0 else { return (places[place] - 1, false) }
        let number: UInt32
        if let old = spare.popLast() {
            number = old
            texts[Int(number)] = Array(text)
            hashes[Int(number)] = hash
        } else {
            number = UInt32(texts.count)
            texts.append(Array(text))
            hashes.append(hash)
        }
        places[place] = number + 1
        count += 1
        if count * 2 > places.count { grow() }
        return (number, true)
    }

    /// Gives a number back.
    mutating func remove(_ number: UInt32) {
        let mask = places.count - 1
        var hole = Int(truncatingIfNeeded: hashes[Int(number)]) & mask
        while places[hole] != number + 1 {
            guard places[hole] != 0 else { return }
            hole = (hole + 1) & mask
        }
        places[hole] = 0
        var next = (hole + 1) & mask
        // What was pushed past the hole moves back into it.
        while places[next] != 0 {
            let home = Int(truncatingIfNeeded: hashes[Int(places[next] - 1)]) & mask
            if (next &- home) & mask >= (next &- hole) & mask {
                places[hole] = places[next]
                places[next] = 0
                hole = next
            }
            next = (next + 1) & mask
        }
        texts[Int(number)] = []
        spare.append(number)
        count -= 1
    }

    private func place(of text: ArraySlice<UInt8>, hash: UInt64) -> Int {
        let mask = places.count - 1
        var place = Int(truncatingIfNeeded: hash) & mask
        while places[place] != 0 {
            let number = Int(places[place] - 1)
            if hashes[number] == hash, texts[number].count == text.count,
                texts[number].elementsEqual(text)
            {
                return place
            }
            place = (place + 1) & mask
        }
        return place
    }

    private mutating func grow() {
        let old = places
        places = [UInt32](repeating: 0, count: old.count * 2)
        let mask = places.count - 1
        for entry in old where entry != 0 {
            var place = Int(truncatingIfNeeded: hashes[Int(entry - 1)]) & mask
            while places[place] != 0 { place = (place + 1) & mask }
            places[place] = entry
        }
    }

    /// Eight octets at a time.
    private static func hash(_ text: ArraySlice<UInt8>) -> UInt64 {
        let bytes = unsafe text.span.bytes
        var hash = UInt64(truncatingIfNeeded: bytes.byteCount) &* multiplier
        var offset = 0
        while offset + 8 <= bytes.byteCount {
            let word = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
            hash = mixed(hash ^ UInt64(littleEndian: word))
            offset += 8
        }
        guard offset < bytes.byteCount else { return hash }
        var rest: UInt64 = 0
        while offset < bytes.byteCount {
            rest =
                rest << 8 | UInt64(unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
            offset += 1
        }
        return mixed(hash ^ rest)
    }

    private static let multiplier: UInt64 = 0x9E37_79B9_7F4A_7C15

    @inline(__always)
    private static func mixed(_ value: UInt64) -> UInt64 {
        let product = value &* multiplier
        return product ^ product >> 29
    }
}
