/// An entry of the index in 64 bits: the upper 44 say what is found (a hash, or a message's
/// sequence), the lower 20 where: a sequence, counted from its chunk's first.
///
/// Concurrency: value.
struct Posting: Hashable, Comparable, Sendable {
    static let offsetBits: UInt64 = 20
    static let offsetMask: UInt64 = 1 << offsetBits - 1
    /// The greatest key of a message: 17 million million events.
    static let keyMaximum: UInt64 = 1 << (64 - offsetBits) - 1

    var word: UInt64

    /// Its place within the chunk.
    var offset: UInt64 { word & Self.offsetMask }
    var key: UInt64 { word >> Self.offsetBits }

    init(_ word: UInt64) { self.word = word }

    init(key: UInt64, offset: UInt64) { word = key << Self.offsetBits | offset }

    static func < (left: Posting, right: Posting) -> Bool { left.word < right.word }

    /// The key that a hash of 64 bits gives.
    @inline(__always)
    static func key(hash: UInt64) -> UInt64 { hash >> offsetBits }

    // MARK: Sorting

    /// Sorts words and leaves out the second of equal ones.
    ///
    /// By digits of 11 bits from the lowest, without those in which no two words differ: several
    /// times as fast as comparing.
    static func sort(_ words: inout [UInt64]) {
        guard words.count > 256 else {
            words.sort()
            removeRepeated(&words)
            return
        }
        var differing: UInt64 = 0
        let first = words[0]
        for word in words { differing |= word ^ first }
        var other = [UInt64](repeating: 0, count: words.count)
        var shift: UInt64 = 0
        while shift < 64 {
            if differing >> shift & digitMask != 0 {
                pass(words, into: &other, shift: shift)
                swap(&words, &other)
            }
            shift += digitBits
        }
        removeRepeated(&words)
    }

    private static let digitBits: UInt64 = 11
    private static let digitMask: UInt64 = 1 << digitBits - 1

    private static func pass(_ words: [UInt64], into other: inout [UInt64], shift: UInt64) {
        var places = [Int](repeating: 0, count: 1 << Int(digitBits))
        for word in words { places[Int(word >> shift & digitMask)] += 1 }
        var sum = 0
        for digit in places.indices {
            let count = places[digit]
            places[digit] = sum
            sum += count
        }
        for word in words {
            let digit = Int(word >> shift & digitMask)
            other[places[digit]] = word
            places[digit] += 1
        }
    }

    private static func removeRepeated(_ words: inout [UInt64]) {
        guard !words.isEmpty else { return }
        var kept = 1
        for index in 1..<words.count where words[index] != words[kept - 1] {
            words[kept] = words[index]
            kept += 1
        }
        words.removeLast(words.count - kept)
    }
}
