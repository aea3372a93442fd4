import Projections

/// The most frequent of many names in a fixed number of places (Metwally, Agrawal, El Abbadi 2005).
///
/// A name without a place takes that of the least frequent one and inherits its count as its error:
/// a count is never too low, and at most `error` too high. Of equal counts the name that comes first
/// octet by octet goes, so that the result depends on the order of events alone.
///
/// Concurrency: value.
struct SpaceSaving: Sendable {
    private(set) var names: [UInt32] = []
    private(set) var counts: [Int] = []
    private(set) var errors: [Int] = []
    /// Where a name with these low bits was found last: a guess, not part of the state.
    private var guesses = InlineArray<64, UInt8>(repeating: 0)

    /// Where a name stands; nil when it has no place.
    func index(of name: UInt32) -> Int? {
        let names = names.span
        for index in names.indices where names[index] == name { return index }
        return nil
    }

    /// The same, quickly for a name that comes often.
    @inline(__always)
    mutating func find(_ name: UInt32) -> Int? {
        let guess = Int(guesses[Int(name & 63)])
        if guess < names.count, names[guess] == name { return guess }
        guard let index = index(of: name) else { return nil }
        guesses[Int(name & 63)] = UInt8(truncatingIfNeeded: index)
        return index
    }

    /// Counts a name.
    ///
    /// - Returns: Where it stands, and whether it has just come there; `isReplaced` when another
    ///   name had to go.
    mutating func count(
        _ name: UInt32, places: Int, pool: inout NamePool
    ) -> (index: Int, isReplaced: Bool) {
        if let index = find(name) {
            counts[index] &+= 1
            return (index, false)
        }
        pool.hold(name)
        guard names.count == places else {
            names.append(name)
            counts.append(1)
            errors.append(0)
            return (names.count - 1, false)
        }
        let least = least(pool)
        pool.release(names[least])
        names[least] = name
        errors[least] = counts[least]
        counts[least] &+= 1
        return (least, true)
    }

    private func least(_ pool: NamePool) -> Int {
        let counts = counts.span
        var lowest = Int.max
        for index in counts.indices where counts[index] < lowest { lowest = counts[index] }
        var least: Int?
        for index in counts.indices where counts[index] == lowest {
            guard let other = least else {
                least = index
                continue
            }
            if pool[names[index]].lexicographicallyPrecedes(pool[names[other]]) { least = index }
        }
        return least ?? 0
    }

    /// Gives up every name.
    mutating func releaseAll(_ pool: inout NamePool) {
        for name in names { pool.release(name) }
        self = SpaceSaving()
    }

    /// The places in the order of their names.
    func order(_ pool: NamePool) -> [Int] {
        names.indices.sorted { pool[names[$0]].lexicographicallyPrecedes(pool[names[$1]]) }
    }

    /// The number of names (varint), then in their order: name (text), count and error (varints),
    /// and what `extra` adds.
    func write(
        to row: inout RowWriter, pool: NamePool, extra: (Int, inout RowWriter) -> Void = { _, _ in }
    ) {
        row.write(varint: UInt64(names.count))
        for index in order(pool) {
            let name = pool[names[index]]
            row.write(varint: UInt64(name.count))
            row.write(raw: name)
            row.write(varint: UInt64(counts[index]))
            row.write(varint: UInt64(errors[index]))
            extra(index, &row)
        }
    }

    /// Nothing counted.
    init() {}

    /// Reads what ``write(to:pool:extra:)`` wrote.
    init(
        _ reader: inout RowReader, places: Int, pool: inout NamePool,
        extra: (inout RowReader) -> Void = { _ in }
    ) {
        let length = reader.count()
        guard length <= places else {
            reader.fail()
            return
        }
        for _ in 0..<length {
            let octets = reader.textBytes()
            guard reader.isIntact else { return }
            let name = pool.number(of: octets)
            if names.contains(name) { reader.fail() }
            pool.hold(name)
            names.append(name)
            counts.append(reader.count())
            errors.append(reader.count())
            extra(&reader)
        }
    }
}
