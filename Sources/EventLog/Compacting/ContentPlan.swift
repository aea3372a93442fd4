/// Which content a segment has, and which of it stays when it is rewritten.
///
/// Concurrency: value.
struct ContentPlan: Sendable {
    /// Messages that have their content in the segment.
    var present: Set<UInt64> = []
    /// Those that keep it.
    var kept: Set<UInt64> = []
    /// Raw octets of all content, and of what can go.
    var octets: UInt64 = 0
    var droppableOctets: UInt64 = 0
    /// Octets of the pages that the tables `events` and `content` take.
    var eventPagesOctets: UInt64 = 0
    var contentPagesOctets: UInt64 = 0

    /// Reads which messages a segment has, and asks which are needed.
    ///
    /// - Parameters:
    ///   - file: The segment.
    ///   - needed: Whom to ask; nil: everything stays.
    ///   - pace: Called with the octets that were read; false: the work is given up.
    /// - Returns: The plan.
    /// - Throws: `damaged` when a block's index cannot be read; `closed` when the work was given up.
    static func make(
        _ file: SegmentFile, needed: CompactionOptions.Needed?, pace: (Int) -> Bool
    ) throws(EventLogError) -> ContentPlan {
        var entries: [ContentBlock.Entry] = []
        let reader = BatchReader()
        try file.forEachContentBlock { (key, value) throws(EventLogError) in
            entries += try reader.index(block: value, key: key, file: file.path).entries
            guard pace(value.count) else {
                throw EventLogError(.closed, "the rewriting was given up", file: file.path)
            }
        }
        var plan = ContentPlan()
        (plan.eventPagesOctets, plan.contentPagesOctets) = try sizes(file)
        plan.present = Set(entries.map(\.sequence))
        plan.kept = plan.present
        if let needed, !entries.isEmpty, let kept = needed(entries.map(\.sequence)) {
            plan.kept = kept.intersection(plan.present)
        }
        for entry in entries {
            plan.octets += entry.octets
            if !plan.kept.contains(entry.sequence) { plan.droppableOctets += entry.octets }
        }
        return plan
    }

    /// Octets of the pages of the tables `events` and `content`.
    private static func sizes(
        _ file: SegmentFile
    ) throws(EventLogError) -> (events: UInt64, content: UInt64) {
        let pageBytes = UInt64(file.pages.pageBytes)
        return try file.pages.read { (snapshot) throws(EventLogError) in
            let events = try snapshot.table(Table.events)?.pages ?? 0
            let content = try snapshot.table(Table.content)?.pages ?? 0
            // A tree has no more pages than its file, whatever its record says.
            let most = snapshot.meta.lastPage
            return (min(events, most) * pageBytes, min(content, most) * pageBytes)
        }
    }

    /// The most octets that the rewritten segment is expected to take.
    ///
    /// Events take no more than they did, in larger frames: an eighth is added for pages that are not
    /// full. Of the content that is kept the raw octets count, or all pages of content when these are
    /// less. It never counts for more than the old file.
    ///
    /// - Parameter before: Octets of the old file.
    /// - Returns: Octets.
    func octetsExpected(of before: UInt64) -> UInt64 {
        let kept = octets &- droppableOctets
        let raw = kept.addingClamping(kept / 128).addingClamping(64 * UInt64(self.kept.count))
        let ranges = 16 * UInt64(present.count - self.kept.count)
        let sum =
            eventPagesOctets + eventPagesOctets / 8 + ranges
            + EventLogLimits.compactionOverheadOctets
        return min(before, sum.addingClamping(min(raw, contentPagesOctets)))
    }
}
