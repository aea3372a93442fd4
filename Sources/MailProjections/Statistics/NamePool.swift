/// The names that breakdowns refer to, each held once however many campaigns have it.
///
/// A name is there while something holds it, and until ``collect()`` otherwise, so that a batch can
/// keep the numbers of its texts without holding them.
///
/// Concurrency: value.
struct NamePool: Sendable {
    private var table = ByteTable()
    private var holders: [UInt32] = []
    /// Numbers that may have no holder.
    private var loose: [UInt32] = []

    /// The number of a name, good until the next ``collect()`` unless it is held.
    mutating func number(of name: ArraySlice<UInt8>) -> UInt32 {
        let (number, isNew) = table.insert(name)
        if isNew {
            if Int(number) == holders.count { holders.append(0) }
            holders[Int(number)] = 0
            loose.append(number)
        }
        return number
    }

    /// The number of a name that is there; nil for another.
    func find(_ name: ArraySlice<UInt8>) -> UInt32? { table.find(name) }

    /// The octets of a name.
    subscript(number: UInt32) -> [UInt8] { table.texts[Int(number)] }

    /// Holds a name once more.
    mutating func hold(_ number: UInt32) { holders[Int(number)] += 1 }

    /// Holds it once less.
    mutating func release(_ number: UInt32) {
        holders[Int(number)] -= 1
        if holders[Int(number)] == 0 { loose.append(number) }
    }

    /// Forgets the names that nobody holds.
    mutating func collect() {
        guard !loose.isEmpty else { return }
        for number in loose where holders[Int(number)] == 0 {
            // Marked, so that one that is listed twice is forgotten once.
            holders[Int(number)] = .max
            table.remove(number)
        }
        loose.removeAll(keepingCapacity: true)
    }

    /// Names there are.
    var count: Int { table.count }
}
