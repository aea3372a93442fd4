/// Chooses, from all batches that were found, those that are the log's history.
///
/// A log's files also hold copies of what is in the log, and may hold what was written and then
/// taken back, a segment of another log, or a message that somebody made to look like a batch. So:
///
/// 1. Copies count once.
/// 2. What the tables lead to wins over what does not.
/// 3. Octets that do not even stand where a value begins count only when the chain connects them
///    with something better: nobody can make a batch that a given hash belongs to.
/// 4. Of what claims the same sequences, that stays through which the chain goes on most often,
///    then that which holds more events.
///
/// Concurrency: value.
struct BatchSelection {
    /// Ascending, without overlap.
    private(set) var batches: [FoundBatch] = []
    /// Batches that were found whole and that are not part of the history.
    private(set) var excluded = 0
    /// Of those: loose ones that nothing connects with the rest.
    private(set) var unproven = 0

    /// The link of a batch to the one before it, and the one after.
    private struct Link: Hashable {
        var sequence: UInt64
        var hash: [UInt8]
    }

    /// Chooses.
    ///
    /// - Parameters:
    ///   - found: In any order.
    ///   - acceptsUnproven: Leaves rule 3 out.
    ///   - cut: Where the log begins; nil for one that is whole.
    init(_ found: [FoundBatch], acceptsUnproven: Bool, after cut: Position? = nil) {
        var known: Set<Link> = []
        var candidates = found.sorted { $0.stand > $1.stand }
        candidates.removeAll {
            !known.insert(Link(sequence: $0.header.firstSequence, hash: $0.chainHash)).inserted
        }
        let all = candidates.count
        candidates = Self.withoutOverlappingTree(candidates)
        if !acceptsUnproven {
            let before = candidates.count
            candidates = Self.connected(candidates, after: cut)
            unproven = before - candidates.count
        }
        batches = Self.longest(candidates)
        excluded = all - batches.count
    }

    private static func withoutOverlappingTree(_ candidates: [FoundBatch]) -> [FoundBatch] {
        let tree = candidates.filter { $0.stand == .inTree }.map(\.header)
            .sorted { $0.firstSequence < $1.firstSequence }
        // Those of the tables may overlap one another, so the greatest end up to each is needed.
        var ends: [UInt64] = []
        for header in tree { ends.append(max(ends.last ?? 0, header.lastSequence)) }
        return candidates.filter { candidate in
            if candidate.stand == .inTree { return true }
            var low = 0
            var high = tree.count
            while low < high {
                let middle = (low + high) / 2
                if tree[middle].firstSequence > candidate.header.lastSequence {
                    high = middle
                } else {
                    low = middle + 1
                }
            }
            return low == 0 || ends[low - 1] < candidate.header.firstSequence
        }
    }

    /// Without the loose ones that no chain leads to or from.
    private static func connected(
        _ candidates: [FoundBatch], after cut: Position?
    ) -> [FoundBatch] {
        guard candidates.contains(where: { $0.stand == .loose }) else { return candidates }
        var byEnd: [Link: Int] = [:]
        var byStart: [Link: [Int]] = [:]
        for (index, batch) in candidates.enumerated() {
            byEnd[Link(sequence: batch.header.lastSequence + 1, hash: batch.chainHash)] = index
            let start = Link(
                sequence: batch.header.firstSequence, hash: batch.header.previousHash)
            byStart[start, default: []].append(index)
        }
        let opening = Link(
            sequence: (cut?.sequence ?? 0) + 1,
            hash: cut?.chainHash ?? Array(repeating: 0, count: SHA256.octets))
        var isGood = candidates.map { $0.stand > .loose }
        var next = candidates.indices.filter { isGood[$0] }
        for index in byStart[opening] ?? [] where !isGood[index] {
            isGood[index] = true
            next.append(index)
        }
        while let index = next.popLast() {
            let batch = candidates[index]
            let start = Link(
                sequence: batch.header.firstSequence, hash: batch.header.previousHash)
            let end = Link(sequence: batch.header.lastSequence + 1, hash: batch.chainHash)
            let neighbours = (byEnd[start].map { [$0] } ?? []) + (byStart[end] ?? [])
            for neighbour in neighbours where !isGood[neighbour] {
                isGood[neighbour] = true
                next.append(neighbour)
            }
        }
        return candidates.indices.filter { isGood[$0] }.map { candidates[$0] }
    }

    /// What can be said for a history.
    private struct Merit: Comparable {
        var links: Int
        var events: UInt64

        static func < (left: Merit, right: Merit) -> Bool {
            left.links == right.links ? left.events < right.events : left.links < right.links
        }
    }

    /// The best of all selections without an overlap: weighted intervals, in the order of their
    /// ends, each with the best that ends before it or that it continues.
    private static func longest(_ candidates: [FoundBatch]) -> [FoundBatch] {
        let sorted = candidates.sorted { $0.header.lastSequence < $1.header.lastSequence }
        var merits: [Merit] = []
        var before: [Int?] = []
        // Index of the best one that ends at each or earlier.
        var best: [Int] = []
        var byEnd: [Link: Int] = [:]
        for (index, batch) in sorted.enumerated() {
            let header = batch.header
            var low = 0
            var high = index
            while low < high {
                let middle = (low + high) / 2
                if sorted[middle].header.lastSequence < header.firstSequence {
                    low = middle + 1
                } else {
                    high = middle
                }
            }
            var previous = low > 0 ? best[low - 1] : nil
            var merit = previous.map { merits[$0] } ?? Merit(links: 0, events: 0)
            let start = Link(sequence: header.firstSequence, hash: header.previousHash)
            if let linked = byEnd[start] {
                var through = merits[linked]
                through.links += 1
                if merit < through {
                    merit = through
                    previous = linked
                }
            }
            merit.events += header.count
            merits.append(merit)
            before.append(previous)
            let leader = best.last.map { merits[$0] < merit ? index : $0 } ?? index
            best.append(leader)
            byEnd[Link(sequence: header.lastSequence + 1, hash: batch.chainHash)] = index
        }
        var chosen: [FoundBatch] = []
        var next = best.last
        while let index = next {
            chosen.append(sorted[index])
            next = before[index]
        }
        return chosen.reversed()
    }
}
