extension LogVerifier {
    /// Goes through every page of a segment that is not being written, and through its batches.
    ///
    /// - Returns: the meta page that was followed; nil when the segment changed meanwhile, which
    ///   makes what was found about its pages worthless.
    mutating func audit(
        _ file: SegmentFile, skipping start: UInt64?, progress: (UInt64, Int) -> Void
    ) -> PageMeta? {
        guard let metas = try? file.pages.metas(), let newest = PageFile.newest(metas) else {
            return nil
        }
        // All that following the batches moves: they are followed once more if this comes to nothing.
        let before = (report, chain, contents, epochsSeen)
        let snapshot = PageSnapshot(file: file.pages, meta: newest)
        var audit = TreeAudit(snapshot: snapshot)
        audit.walk(newest.main, name: "the list of tables", order: .octets)
        if let start { chain.skip(to: start) }
        do throws(EventLogError) {
            if let tree = try snapshot.table(Table.meta) {
                audit.walk(tree, name: "the table meta", order: .octets)
            }
            if let tree = try snapshot.table(Table.events) {
                audit.walk(
                    tree, name: "the table events", order: .integers, isAppendOnly: true
                ) { page in
                    let run = LeafRun(file: file.pages, meta: newest, page: page, index: 0)
                    follow(run, start)
                    progress((chain.next ?? 1) - 1, report.damageCount)
                }
            } else {
                note(path, nil, "the segment has no table events")
            }
        } catch {
            note(error)
        }
        finishContents()
        auditContent(file, snapshot, &audit, start)
        audit.walkFreeList()
        let after = try? file.pages.metas()
        guard let after, after.0 == metas.0, after.1 == metas.1 else {
            (report, chain, contents, epochsSeen) = before
            return nil
        }
        for finding in audit.findings { note(path, nil, finding) }
        return newest
    }

    private mutating func finishContents() {
        for error in contents?.finish() ?? [] { note(error) }
    }

    /// Walks the content table's pages; every block must have been asked for by a batch.
    private mutating func auditContent(
        _ file: SegmentFile, _ snapshot: PageSnapshot, _ audit: inout TreeAudit, _ start: UInt64?
    ) {
        var keys: [UInt64] = []
        do throws(EventLogError) {
            guard let tree = try snapshot.table(Table.content) else {
                return note(path, nil, "the segment has no table content")
            }
            audit.walk(
                tree, name: "the table content", order: .integers, isAppendOnly: true
            ) { page in
                for index in 0..<page.count {
                    if let key = page.leaf(index).flatMap({ page.integerKey($0.key) }) {
                        keys.append(key)
                    }
                }
            }
        } catch {
            note(error)
        }
        let seen = contents?.seenBlocks ?? []
        for key in keys where key >= start ?? 0 && !seen.contains(key) {
            note(path, key...key, "the content block at \(key) belongs to no event")
        }
    }

    /// Follows the batches of a segment that is being written, up to where it ended before.
    mutating func followLive(
        _ file: SegmentFile, from start: UInt64, progress: (UInt64, Int) -> Void
    ) {
        if start > file.first { chain.skip(to: start) }
        do throws(EventLogError) {
            let end = try file.end(flush: false).lastSequence
            while let next = chain.next, next <= end {
                guard let run = try file.batches(floor: next),
                    run.page.leaf(run.index).flatMap({ run.page.integerKey($0.key) }) == next
                else { break }
                follow(run, start)
                progress((chain.next ?? 1) - 1, report.damageCount)
            }
            if let gap = chain.gap(before: end + 1) {
                note(path, gap, "these events cannot be read")
                chain.loseTrack(at: end + 1)
            }
        } catch {
            note(error)
            chain.loseTrack(at: nil)
        }
    }

    /// Follows the batches of one leaf page.
    private mutating func follow(_ run: LeafRun, _ start: UInt64?) {
        var run = run
        while !run.isAtEnd, !isGivenUp {
            do throws(EventLogError) {
                let (key, value) = try run.entry()
                if key >= start ?? 0 {
                    if let gap = chain.gap(before: key) {
                        note(path, gap, "these events are missing")
                        chain.loseTrack(at: key)
                    }
                    for batch in try reader.batches(key: key, value: value, file: path) {
                        follow(batch)
                    }
                }
            } catch {
                note(error)
                chain.loseTrack(at: error.sequences.map { $0.upperBound &+ 1 })
            }
            run.index += 1
        }
    }

    private mutating func follow(_ batch: StoredBatch) {
        let range = batch.firstSequence...batch.lastSequence
        for wrong in chain.follow(batch, chainHash: reader.chainHash(of: batch)) {
            note(path, range, wrong)
        }
        noteEpoch(batch)
        report.batches += 1
        report.events += batch.header.count
        let before = contents?.octets ?? 0
        defer {
            let octets = batch.bytes.count + (contents?.octets ?? 0) - before
            if !pace(octets) { isGivenUp = true }
        }
        do {
            let references = try codec.contentReferences(
                inBatch: batch.bytes, firstSequence: batch.firstSequence)
            for error in contents?.check(references, of: batch, reader: reader) ?? [] {
                note(error)
            }
        } catch {
            note(path, range, "the batch cannot be decoded: \(error)")
        }
    }

    /// The older of the two meta pages must not know more than the newer one: a flipped bit in a
    /// transaction number would otherwise hide the last batch.
    mutating func checkAgainstOlderMeta(_ file: SegmentFile, newest: PageMeta) {
        guard let metas = try? file.pages.metas(),
            let older = newest.index == 0 ? metas.1 : metas.0
        else { return }
        let snapshot = PageSnapshot(file: file.pages, meta: older)
        guard let tree = try? snapshot.table(Table.events),
            let (page, index) = try? snapshot.floor(.max, in: tree),
            let key = page.leaf(index).flatMap({ page.integerKey($0.key) })
        else { return }
        if let next = chain.next, key >= next {
            note(path, key...key, "the older meta page knows a batch that the newer one lacks")
        }
    }
}
