import NIOCore

/// Waiting items in lanes, taken in turn: a tenant or campaign with a million recipients for a
/// destination does not keep another one's single message waiting.
///
/// Within a lane first in, first out.
///
/// Concurrency: value.
struct FairQueue<Item> {
    /// What is served in turn.
    struct Lane: Hashable, Sendable {
        var tenant: String
        var campaign: String
    }

    fileprivate struct Waiting {
        var lane: Lane
        var items = CircularBuffer<Item>()
    }

    private var lanes: [Waiting] = []
    private var indexes: [Lane: Int] = [:]
    /// Indexes of lanes that are not empty, the next one first.
    private var turn = CircularBuffer<Int>()
    /// Of the last append: campaigns come in runs.
    private var lastIndex = 0

    /// Items in all lanes.
    private(set) var count = 0

    /// Whether nothing waits.
    var isEmpty: Bool { count == 0 }

    /// Adds an item at the end of its lane.
    mutating func append(_ item: Item, lane: Lane) {
        let index = index(of: lane)
        if lanes[index].items.isEmpty { turn.append(index) }
        lanes[index].items.append(item)
        count += 1
    }

    /// Puts an item back: it is the next one of all.
    mutating func prepend(_ item: Item, lane: Lane) {
        let index = index(of: lane)
        if let position = turn.firstIndex(of: index) { turn.remove(at: position) }
        turn.prepend(index)
        lanes[index].items.prepend(item)
        count += 1
    }

    /// Takes the next item.
    mutating func popFirst() -> Item? {
        guard let index = turn.popFirst() else { return nil }
        let item = lanes[index].items.removeFirst()
        if !lanes[index].items.isEmpty { turn.append(index) }
        count -= 1
        if count == 0, lanes.count > 64 { self = FairQueue() }
        return item
    }

    /// Takes everything, in the order in which it would have been served.
    mutating func removeAll() -> [Item] {
        var items: [Item] = []
        items.reserveCapacity(count)
        while let item = popFirst() { items.append(item) }
        return items
    }

    /// Puts in the place of each item what `change` makes of it; nil takes it out.
    mutating func revise(_ change: (Item) -> Item?) {
        for index in lanes.indices where !lanes[index].items.isEmpty {
            var kept = CircularBuffer<Item>(initialCapacity: lanes[index].items.count)
            for item in lanes[index].items {
                if let item = change(item) { kept.append(item) }
            }
            count -= lanes[index].items.count - kept.count
            lanes[index].items = kept
        }
        turn.removeAll { lanes[$0].items.isEmpty }
        if count == 0, lanes.count > 64 { self = FairQueue() }
    }

    private mutating func index(of lane: Lane) -> Int {
        if lastIndex < lanes.count, lanes[lastIndex].lane == lane { return lastIndex }
        if let index = indexes[lane] {
            lastIndex = index
            return index
        }
        lastIndex = lanes.count
        indexes[lane] = lanes.count
        lanes.append(Waiting(lane: lane))
        return lastIndex
    }
}

extension FairQueue: Sendable where Item: Sendable {}
extension FairQueue.Waiting: Sendable where Item: Sendable {}
