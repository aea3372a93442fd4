import MailModel

/// Recipients by the time of their next attempt: a binary heap of 24 octets a recipient.
///
/// Recipients of one message with the same due time come out one after the other, by number.
///
/// Concurrency: value.
struct DueHeap: Sendable {
    /// One recipient.
    struct Entry: Hashable, Comparable, Sendable {
        /// Microseconds since the Unix epoch.
        var due: Int64
        var sequence: UInt64
        var epoch: UInt32
        var number: UInt32

        init(due: EventTime, message: MessageID, number: Int) {
            self.due = due.microseconds
            sequence = message.sequence
            epoch = message.epoch
            self.number = UInt32(truncatingIfNeeded: number)
        }

        /// The message.
        var message: MessageID { MessageID(epoch: epoch, sequence: sequence) }

        static func < (left: Entry, right: Entry) -> Bool {
            if left.due != right.due { return left.due < right.due }
            if left.sequence != right.sequence { return left.sequence < right.sequence }
            if left.epoch != right.epoch { return left.epoch < right.epoch }
            return left.number < right.number
        }
    }

    private var entries: [Entry] = []

    /// Recipients in the heap.
    var count: Int { entries.count }

    /// When the first one is due; nil when there is none.
    var firstDue: EventTime? { entries.first.map { EventTime(microseconds: $0.due) } }

    /// An empty heap.
    init() {}

    /// A heap of these entries, built in linear time.
    init(_ entries: [Entry]) {
        self.entries = entries
        for index in stride(from: entries.count / 2 - 1, through: 0, by: -1) { siftDown(index) }
    }

    /// Gives every recipient the due time that `due` says, in linear time.
    mutating func update(_ due: (Entry) -> Int64) {
        for index in entries.indices { entries[index].due = due(entries[index]) }
        self = DueHeap(entries)
    }

    /// Adds a recipient.
    mutating func push(_ entry: Entry) {
        entries.append(entry)
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard entries[child] < entries[parent] else { return }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes the first recipient if it is due.
    mutating func pop(dueBy now: EventTime) -> Entry? {
        guard let first = entries.first, first.due <= now.microseconds else { return nil }
        let last = entries.removeLast()
        if !entries.isEmpty {
            entries[0] = last
            siftDown(0)
        }
        return first
    }

    /// Takes the recipients of the first message that are due at the same time, if they are due.
    mutating func popGroup(dueBy now: EventTime) -> (message: MessageID, numbers: [Int])? {
        guard let first = pop(dueBy: now) else { return nil }
        var numbers = [Int(first.number)]
        while let next = entries.first, next.due == first.due, next.sequence == first.sequence,
            next.epoch == first.epoch, let entry = pop(dueBy: now)
        {
            numbers.append(Int(entry.number))
        }
        return (first.message, numbers)
    }

    private mutating func siftDown(_ start: Int) {
        var parent = start
        while true {
            var child = 2 * parent + 1
            guard child < entries.count else { return }
            if child + 1 < entries.count, entries[child + 1] < entries[child] { child += 1 }
            guard entries[child] < entries[parent] else { return }
            entries.swapAt(child, parent)
            parent = child
        }
    }
}
