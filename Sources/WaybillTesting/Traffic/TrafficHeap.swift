/// What is going to happen, by time; at the same time in the order in which it was planned.
///
/// Concurrency: value.
struct TrafficHeap: Sendable {
    /// Something that is going to happen.
    struct Entry: Sendable {
        /// Microseconds since the Unix epoch.
        var time: Int64
        /// Given by the heap.
        var order: UInt64 = 0
        var kind: Kind
        /// What it is about: place of a recipient, or number of a stream.
        var index: Int32
    }

    /// What happens.
    enum Kind: UInt8, Sendable {
        case arrival, attempt, complaint, lateBounce, suspend, resume, configure
    }

    private var entries: [Entry] = []
    private var order: UInt64 = 0

    /// Time of the next entry.
    var nextTime: Int64? { entries.first?.time }

    /// How many there are.
    var count: Int { entries.count }

    /// Plans something.
    mutating func push(_ kind: Kind, _ index: Int32, at time: Int64) {
        var child = entries.count
        let entry = Entry(time: time, order: order, kind: kind, index: index)
        order += 1
        entries.append(entry)
        while child > 0 {
            let parent = (child - 1) / 2
            guard Self.precedes(entry, entries[parent]) else { break }
            entries[child] = entries[parent]
            child = parent
        }
        entries[child] = entry
    }

    /// Takes the next entry out.
    mutating func pop() -> Entry? {
        guard let first = entries.first, let last = entries.popLast() else { return nil }
        guard !entries.isEmpty else { return first }
        var hole = 0
        while true {
            var child = 2 * hole + 1
            guard child < entries.count else { break }
            if child + 1 < entries.count, Self.precedes(entries[child + 1], entries[child]) {
                child += 1
            }
            guard Self.precedes(entries[child], last) else { break }
            entries[hole] = entries[child]
            hole = child
        }
        entries[hole] = last
        return first
    }

    @inline(__always)
    private static func precedes(_ left: Entry, _ right: Entry) -> Bool {
        left.time < right.time || (left.time == right.time && left.order < right.order)
    }
}
