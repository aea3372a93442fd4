import MailModel

/// Holds what came lately and gives it back in the order of its time: a heap.
///
/// Concurrency: value.
struct TimeWindow<Element> {
    private struct Entry {
        var time: EventTime
        /// What came first goes first among equal times.
        var order: UInt64
        var element: Element

        func precedes(_ other: Entry) -> Bool {
            (time.microseconds, order) < (other.time.microseconds, other.order)
        }
    }

    private var heap: [Entry] = []
    private var nextOrder: UInt64 = 0

    var count: Int { heap.count }

    mutating func insert(_ element: Element, at time: EventTime) {
        heap.append(Entry(time: time, order: nextOrder, element: element))
        nextOrder += 1
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].precedes(heap[parent]) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes the earliest; nil when there is none.
    mutating func removeFirst() -> (time: EventTime, element: Element)? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        guard !heap.isEmpty else { return (first.time, first.element) }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && heap[child].precedes(heap[least]) {
                least = child
            }
            guard least != parent else { break }
            heap.swapAt(parent, least)
            parent = least
        }
        return (first.time, first.element)
    }
}
