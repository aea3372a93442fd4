internal import EventLog

/// What an archive's folders hold, as their names say, and what of it a restore would read.
///
/// Concurrency: value.
package struct ArchiveCatalog: Sendable {
    /// An object.
    package struct Item: Hashable, Sendable {
        package var name: ObjectName
        package var octets: UInt64
    }

    /// What a restore reads, in order.
    package struct Plan: Sendable {
        package var items: [Item]
        /// The first sequences that no object can hold; nil: none are seen to be missing.
        package var missing: ClosedRange<UInt64>?
    }

    package let head: ArchiveHead
    /// Segments and objects of the tail, by first sequence.
    package let items: [Item]
    /// The configurations, oldest first.
    package let sites: [Item]
    /// What has no name that Waybill gives.
    package let strangers: [String]

    /// Lists an archive.
    ///
    /// - Parameter archive: Which one.
    /// - Throws: `notFound` when there is none.
    package init(_ archive: Archive) throws {
        guard let head = try archive.head()?.head else {
            throw ArchiveError(
                .notFound, "there is no archive of the log \(Hex.text(archive.logID))",
                object: archive.store.place)
        }
        self.head = head
        var items: [Item] = []
        var strangers: [String] = []
        for folder in [ObjectName.segments, ObjectName.tails, ObjectName.sites] {
            for entry in try archive.store.list(archive.folder + folder).objects {
                if let name = ObjectName(folder + entry.name) {
                    items.append(Item(name: name, octets: entry.octets))
                } else {
                    strangers.append(folder + entry.name)
                }
            }
        }
        self.strangers = strangers
        sites = items.filter { $0.name.first == 0 }.sorted { $0.name.path < $1.name.path }
        self.items = items.filter { $0.name.first > 0 }.sorted {
            ($0.name.first, $0.name.path) < ($1.name.first, $1.name.path)
        }
    }

    /// Whether an object belongs to the history that the archive's head names.
    package func isPart(_ item: Item) -> Bool {
        guard let limit = head.limit(ofEpoch: item.name.epoch) else { return false }
        switch item.name {
        case .segment(_, let last, _): return last <= limit
        case .tail(let first, _): return first <= limit
        case .site: return true
        }
    }

    /// What a restore of everything reads: at each place the newest writer's object, a segment rather
    /// than its batches.
    package func plan() -> Plan {
        var best: [UInt64: Item] = [:]
        for item in items where isPart(item) {
            if let other = best[item.name.first], Self.rank(other) > Self.rank(item) { continue }
            best[item.name.first] = item
        }
        let firsts = best.keys.sorted()
        var plan = Plan(items: [], missing: nil)
        var next: UInt64 = 1
        var index = 0
        while let item = best[next] {
            plan.items.append(item)
            if case .segment(_, let last, _) = item.name {
                next = last + 1
                while index < firsts.count, firsts[index] < next { index += 1 }
            } else {
                while index < firsts.count, firsts[index] <= item.name.first { index += 1 }
                // How far an object of the tail goes is seen when it is read.
                guard index < firsts.count else { return plan }
                next = firsts[index]
            }
        }
        if index < firsts.count, firsts[index] > next {
            plan.missing = next...(firsts[index] - 1)
        } else if next <= head.position.sequence {
            plan.missing = next...head.position.sequence
        }
        return plan
    }

    private static func rank(_ item: Item) -> (UInt32, Int) {
        if case .segment = item.name { return (item.name.epoch, 1) }
        return (item.name.epoch, 0)
    }

    /// Octets of everything.
    package var octets: UInt64 {
        items.reduce(0) { $0 + $1.octets } + sites.reduce(0) { $0 + $1.octets }
    }
}
