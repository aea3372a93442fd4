extension LogReader {
    /// What the log consists of.
    package func info() throws(EventLogError) -> LogInfo {
        let end = try lastSequence()
        try files.refresh()
        let reader = BatchReader()
        var segments: [SegmentInfo] = []
        var logID: [UInt8] = []
        var epochs: [EpochStart] = []
        var position = Position(
            epoch: 1, sequence: 0, chainHash: [UInt8](repeating: 0, count: SHA256.octets))
        for first in files.firsts where first <= end + 1 {
            let file = try files.file(first)
            let (meta, batches, blocks) = try Self.counts(file)
            logID = meta.logID
            epochs = meta.epochs
            position = Position(
                epoch: meta.epochs.last?.epoch ?? 1, sequence: meta.previousSequence,
                chainHash: meta.previousHash)
            var info = SegmentInfo(
                path: file.path, firstSequence: first, lastSequence: first - 1,
                batchCount: batches, contentBlockCount: blocks,
                fileBytes: try file.pages.fileBytes(), createdAt: meta.created,
                sealedAt: meta.seal?.time, lmdbVersion: meta.lmdbVersion)
            info.compactedAt = meta.compaction?.time
            info.batchCount = meta.compaction?.batches ?? batches
            if let last = try Self.stored(.max, in: file, reader: reader).last,
                let opening = try Self.stored(first, in: file, reader: reader).first
            {
                info.lastSequence = last.lastSequence
                info.firstTime = opening.firstTime
                info.lastTime = last.lastTime
                position = Position(
                    epoch: last.epoch, sequence: last.lastSequence,
                    chainHash: reader.chainHash(of: last))
            }
            segments.append(info)
        }
        return LogInfo(
            logID: logID, segments: segments, position: position, epochs: epochs,
            pruned: files.pruned)
    }

    /// Meta table and the numbers of batches and content blocks.
    private static func counts(
        _ file: SegmentFile
    ) throws(EventLogError) -> (meta: SegmentMeta, batches: UInt64, blocks: UInt64) {
        try file.pages.read { (snapshot) throws(EventLogError) in
            (
                try SegmentFile.meta(in: snapshot),
                try snapshot.table(Table.events)?.entries ?? 0,
                try snapshot.table(Table.content)?.entries ?? 0
            )
        }
    }

    /// The batches of the stored value that begins at `sequence` or before.
    private static func stored(
        _ sequence: UInt64, in file: SegmentFile, reader: borrowing BatchReader
    ) throws(EventLogError) -> [StoredBatch] {
        guard let run = try file.batches(floor: sequence) else { return [] }
        return try reader.batches(of: run)
    }
}
