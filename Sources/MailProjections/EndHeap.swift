/// Ends of suppressions, the earliest first: a binary heap.
///
/// An end stays in it when its suppression was replaced or undone; whoever takes it out looks whether
/// it still counts.
///
/// Concurrency: value.
struct EndHeap: Sendable {
    /// The end of the entry with this key, if it still has this sequence.
    struct End: Sendable {
        /// Microseconds since the epoch.
        var time: Int64
        var sequence: UInt64
        var key: SuppressionKey

        static func < (left: End, right: End) -> Bool {
            (left.time, left.sequence) < (right.time, right.sequence)
        }
    }

    private var ends: [End] = []

    /// Adds an end.
    mutating func push(_ end: End) {
        ends.append(end)
        var child = ends.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard ends[child] < ends[parent] else { return }
            ends.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes out the first end if it is not after this time.
    mutating func pop(through time: Int64) -> End? {
        guard let first = ends.first, first.time <= time else { return nil }
        let last = ends.removeLast()
        if !ends.isEmpty {
            ends[0] = last
            siftDown()
        }
        return first
    }

    private mutating func siftDown() {
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < ends.count else { return }
            if child + 1 < ends.count, ends[child + 1] < ends[child] { child += 1 }
            guard ends[child] < ends[parent] else { return }
            ends.swapAt(child, parent)
            parent = child
        }
    }
}
