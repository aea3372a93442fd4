/// Events that a fold refused, as one run of sequences, and why.
///
/// Concurrency: value.
package struct RefusedEvent: Error, Hashable, Sendable, CustomStringConvertible {
    package var first: UInt64
    /// The same as ``first``, unless the batch could not be taken apart.
    package var last: UInt64
    package var reason: String

    /// Creates a refusal.
    package init(first: UInt64, last: UInt64, reason: String) {
        self.first = first
        self.last = last
        self.reason = reason
    }

    /// One line: which, and why.
    package var description: String {
        (first == last ? "event \(first)" : "events \(first) to \(last)")
            + " refused: \(reason)"
    }
}

/// The quarantine of a projection: what it passed over, ascending.
///
/// It is part of the state: it is kept in the same transaction, and the same log gives the same.
///
/// Concurrency: value.
package struct RefusedEvents: Hashable, Sendable {
    /// Ascending, no two overlap.
    package private(set) var list: [RefusedEvent] = []

    /// Nothing refused.
    package init() {}

    /// Whether so many were refused that something else must be wrong.
    package var isFull: Bool { list.count >= Limits.refusedEventsMaximum }

    /// Whether one of these sequences was refused.
    package func overlaps(_ first: UInt64, _ last: UInt64) -> Bool {
        // The newest are asked for most.
        guard let newest = list.last, newest.last >= first else { return false }
        return list.contains { $0.first <= last && $0.last >= first }
    }

    /// Adds one that is not there; its place is found.
    package mutating func add(_ event: RefusedEvent) {
        let place = list.firstIndex { $0.first > event.first } ?? list.endIndex
        list.insert(event, at: place)
    }

    /// The list as it is kept; empty for none.
    var bytes: [UInt8] {
        guard !list.isEmpty else { return [] }
        var row = RowWriter()
        for event in list {
            row.write(varint: event.first)
            row.write(varint: event.last)
            row.write(
                String(
                    decoding: event.reason.utf8.prefix(Limits.refusalOctetsMaximum), as: UTF8.self))
        }
        return row.bytes
    }

    /// Reads a list; nil when it is damaged.
    init?(_ bytes: [UInt8]) {
        var reader = RowReader(bytes)
        while !reader.isAtEnd {
            let event = RefusedEvent(
                first: reader.varint(), last: reader.varint(), reason: reader.text())
            guard event.first <= event.last, event.first > (list.last?.last ?? 0) else {
                return nil
            }
            list.append(event)
        }
        guard reader.isIntact else { return nil }
    }

    /// The 48 bits of the list's checksum that stand in the mark; 0 for none.
    var sum: UInt64 {
        let bytes = bytes
        guard !bytes.isEmpty else { return 0 }
        return RowChecksum.checksum(key: [], value: bytes[...]) & (1 << 48 - 1)
    }
}
