extension LogReader {
    /// Where the batch ends that contains a sequence, also where the log was cut.
    ///
    /// - Parameter sequence: Of an event of this log.
    /// - Returns: nil beyond the log's end.
    /// - Throws: `pruned` before the cut; when the log cannot be read.
    package func end(ofBatchAt sequence: UInt64) throws(EventLogError) -> Position? {
        if let cut = pruned?.cut, cut.sequence == sequence { return cut }
        return try batch(containing: sequence)?.position
    }

    /// What a site must be sent next that holds the log up to the end of the batch at `sequence`.
    ///
    /// - Parameters:
    ///   - sequence: 0 for a site that has nothing.
    ///   - octetsMax: About so many octets of batches at most; one batch is always whole.
    /// - Returns: The next step.
    /// - Throws: `damaged` with the file and the sequences; `unsupported` when the site ends within a
    ///   segment that is not there any more batch by batch.
    package func nextToShip(
        after sequence: UInt64, octetsMax: Int
    ) throws(EventLogError) -> ShippingStep {
        let end = try lastSequence()
        guard sequence < end else { return .atEnd }
        let next = sequence + 1
        if next >= files.firsts.last ?? 0 { try files.refresh() }
        guard let file = try files.file(for: next) else {
            throw EventLogError.damaged(
                "sequence \(next) is missing from the log", file: files.directory.path,
                sequences: next...next)
        }
        let meta = try file.meta()
        if let seal = meta.seal,
            file.first == next || meta.compaction != nil || !meta.dropped.isEmpty
        {
            return .file(try Self.description(file, seal))
        }
        return .batches(
            segmentFirst: file.first,
            try Self.shipped(from: next, through: end, of: file, octetsMax: octetsMax))
    }

    /// The sealed segments that a site lacks which holds the log up to `sequence`, from the one that
    /// begins behind it: what can be fetched side by side.
    ///
    /// - Parameter sequence: 0 for a site that has nothing.
    /// - Returns: Ascending.
    /// - Throws: When a file cannot be read.
    package func sealedSegments(after sequence: UInt64) throws(EventLogError) -> [SealedSegment] {
        try files.refresh()
        var segments: [SealedSegment] = []
        for first in files.firsts where first > sequence {
            let file = try files.file(first)
            guard let seal = try file.meta().seal else { break }
            segments.append(try Self.description(file, seal))
        }
        return segments
    }

    /// Opens a sealed segment to be sent as a file: it stays what it is while it is read, whatever
    /// takes its place meanwhile.
    ///
    /// - Parameter first: Its first sequence.
    /// - Returns: The file.
    /// - Throws: `notFound`; `unsupported` when it is being written.
    package func source(ofSealed first: UInt64) throws(EventLogError) -> SegmentSource {
        let file = try SegmentFile(path: files.directory.segmentPath(first), first: first)
        guard let seal = try file.meta().seal else {
            throw EventLogError(
                .unsupported, "the segment is being written", file: file.path,
                hint: "Only sealed segments travel as files.")
        }
        return SegmentSource(file: file, segment: try Self.description(file, seal))
    }

    private static func description(
        _ file: SegmentFile, _ seal: SegmentMeta.Seal
    ) throws(EventLogError) -> SealedSegment {
        SealedSegment(
            firstSequence: file.first, lastSequence: seal.lastSequence, chainHash: seal.chainHash,
            octets: try file.pages.fileBytes())
    }

    /// Batches of a segment as they stand there, from the one that begins at `first`.
    private static func shipped(
        from first: UInt64, through last: UInt64, of file: SegmentFile, octetsMax: Int
    ) throws(EventLogError) -> [ShippedBatch] {
        var shipped: [ShippedBatch] = []
        var octets = 0
        var next = first
        while next <= last, octets < octetsMax {
            guard var run = try file.batches(floor: next) else { break }
            guard try run.entry().key == next else {
                // At the segment's end, the floor is the batch before.
                if !shipped.isEmpty || next > first { break }
                throw EventLogError(
                    .unsupported, "no batch begins at \(next)", file: file.path,
                    hint: "The other site's log is not this one: waybill site verify.")
            }
            while !run.isAtEnd, next <= last, octets < octetsMax {
                let (_, value) = try run.entry()
                guard let header = BatchHeader(bytes: value), header.firstSequence == next else {
                    throw EventLogError.damaged(
                        "the batch at \(next) has no valid header", file: file.path,
                        sequences: next...next)
                }
                let batch = ShippedBatch(
                    value: value,
                    blocks: try blocks(header.firstSequence...header.lastSequence, of: file))
                shipped.append(batch)
                octets += batch.octets
                next = header.lastSequence + 1
                run.index += 1
            }
        }
        return shipped
    }

    /// The content blocks of one batch, ascending.
    private static func blocks(
        _ range: ClosedRange<UInt64>, of file: SegmentFile
    ) throws(EventLogError) -> [ShippedBatch.Block] {
        var blocks: [ShippedBatch.Block] = []
        var last = range.upperBound
        while let run = try file.contents(floor: last) {
            let (key, value) = try run.entry()
            guard key >= range.lowerBound else { break }
            blocks.append(ShippedBatch.Block(key: key, value: value))
            guard key > range.lowerBound else { break }
            last = key - 1
        }
        return blocks.reversed()
    }
}
