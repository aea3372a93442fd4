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

    /// Reads which messages a segment has, and asks which are needed.
    ///
    /// - Parameters:
    ///   - file: The segment.
    ///   - needed: Whom to ask; nil: everything stays.
    /// - Returns: The plan.
    /// - Throws: `damaged` when a block's index cannot be read.
    static func make(
        _ file: SegmentFile, needed: CompactionOptions.Needed?
    ) throws(EventLogError) -> ContentPlan {
        var entries: [ContentBlock.Entry] = []
        let reader = BatchReader()
        try file.forEachContentBlock { (key, value) throws(EventLogError) in
            entries += try reader.index(block: value, key: key, file: file.path).entries
        }
        var plan = ContentPlan()
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
}
