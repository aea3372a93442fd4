extension PruneRecord {
    /// What takes the place of a record of what was pruned that cannot be read: the log begins where the
    /// oldest thing begins that is left of it. The states as of there, and the archive, nothing tells.
    /// nil when the log begins with the first event of all, or nothing tells where.
    ///
    /// - Parameters:
    ///   - files: What was found, without what belongs to other logs.
    ///   - logID: The log's; nil when no file tells it.
    ///   - now: Microseconds since the Unix epoch.
    init?(rebuiltFrom files: [SalvagedFile], logID: [UInt8]?, now: Int64) {
        let own = files.filter { $0.logID == nil || $0.logID == logID }
        let batches = own.flatMap(\.batches).filter { $0.stand > .loose }.map(\.header)
        let oldest = batches.min { $0.firstSequence < $1.firstSequence }
        // A file's records are under no checksum: they must not hide what comes before.
        let begins =
            own.map { $0.meta?.first ?? $0.first } + (oldest.map { [$0.firstSequence] } ?? [])
        guard let begin = begins.min(), (2..<1 << 62).contains(begin) else { return nil }
        let opening = own.lazy.compactMap(\.meta).first { $0.first == begin }
        let first = oldest.flatMap { $0.firstSequence == begin ? $0 : nil }
        let epoch = opening?.epochs.last { $0.firstSequence < begin }?.epoch
        self.init(
            logID: logID ?? Array(repeating: 0, count: SegmentMeta.logIDOctets),
            cut: Position(
                epoch: min(epoch ?? oldest?.epoch ?? 1, oldest?.epoch ?? .max),
                sequence: begin - 1,
                chainHash: first?.previousHash ?? opening?.previousHash
                    ?? Array(repeating: 0, count: SHA256.octets)),
            cutTime: oldest?.firstTime ?? 0, prunedAt: now)
    }
}
