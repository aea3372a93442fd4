import Projections

/// Counters by name for the most frequent names, and one for all others.
///
/// The sum over names and others is exact. A name that came after the places were taken has what it
/// counts from then on; what went before, at most the `error` of its weight, is in others.
///
/// Concurrency: value.
struct Breakdown: Sendable {
    private(set) var top = SpaceSaving()
    /// One for each place of ``top``.
    private(set) var counters: [DeliveryCounters] = []
    private(set) var others = DeliveryCounters()

    /// Nothing counted.
    init() {}

    /// Counts under a name, giving it weight, so that it may take the place of a lighter one.
    mutating func admit(
        _ name: UInt32, places: Int, pool: inout NamePool, _ count: (inout DeliveryCounters) -> Void
    ) {
        let (index, isReplaced) = top.count(name, places: places, pool: &pool)
        if index == counters.count {
            counters.append(DeliveryCounters())
        } else if isReplaced {
            others += counters[index]
            counters[index] = DeliveryCounters()
        }
        count(&counters[index])
    }

    /// Counts under a name if it has a place, else under others.
    @inline(__always)
    mutating func add(_ name: UInt32, _ count: (inout DeliveryCounters) -> Void) {
        if let index = top.find(name) { count(&counters[index]) } else { count(&others) }
    }

    /// Gives up every name.
    mutating func releaseAll(_ pool: inout NamePool) { top.releaseAll(&pool) }

    func write(to row: inout RowWriter, pool: NamePool) {
        top.write(to: &row, pool: pool) { index, row in counters[index].write(to: &row) }
        others.write(to: &row)
    }

    init(_ reader: inout RowReader, places: Int, pool: inout NamePool) {
        var read: [DeliveryCounters] = []
        top = SpaceSaving(&reader, places: places, pool: &pool) { reader in
            read.append(DeliveryCounters(&reader))
        }
        counters = read
        others = DeliveryCounters(&reader)
    }
}
