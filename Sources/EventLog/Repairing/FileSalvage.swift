/// Reads everything of one segment's file that can still be read.
///
/// First through its tables, page by page. Where anything is wrong with these, the whole file is
/// searched for the beginnings of values: a damaged branch page then costs nothing below it, and
/// neither do a damaged leaf page's other values, meta pages, or the first page of a large value.
///
/// Not through the tables of a segment that is sound: a file keeps copies of what was written once
/// and then taken back, which never were part of the log.
///
/// Concurrency: bound to its owner.
struct FileSalvage: ~Copyable {
    private let index: Int
    /// Octets that the disk is taken not to give, for tests.
    private let unreadable: Range<UInt64>?
    /// The record of the segment's format is taken to be damaged where this program does not know it.
    private let ignoresFormat: Bool
    private let values = StoredValue()
    private(set) var result: SalvagedFile
    /// The tables do not lead to everything.
    private var isBroken = false
    private var fileBytes: UInt64 = 0

    init(
        path: String, first: UInt64, index: Int, unreadable: Range<UInt64>? = nil,
        ignoresFormat: Bool = false
    ) {
        self.index = index
        self.unreadable = unreadable
        self.ignoresFormat = ignoresFormat
        result = SalvagedFile(path: path, first: first)
    }

    /// Reads the file. `end` is where its writer ended in order, if it is the last one.
    mutating func run(isLast: Bool, end: LogLock.OrderlyEnd?) {
        do throws(EventLogError) {
            let pages = try PageFile.openForSalvage(path: result.path, unreadable: unreadable)
            result.isThere = true
            fileBytes = try pages.fileBytes()
            var isSound = true
            do throws(EventLogError) {
                try pages.checkSize()
            } catch {
                isSound = false
                isBroken = true
                result.note(error.message)
            }
            // One that the disk does not give must not cost what the other one leads to.
            let metas = pages.salvagedMetas { result.note($0) }
            result.nameEpochs(pages, metas)
            if var meta = PageFile.newest(metas) {
                if isLast, isSound, let whole = cutOffCommit(metas, end) { meta = whole }
                if olderKnowsMore(pages, metas, than: meta) {
                    isSound = false
                    isBroken = true
                    result.note("the older meta page knows a batch that the newer one lacks")
                }
                walk(PageSnapshot(file: pages, meta: meta), isSound: isSound, isLast: isLast)
            } else {
                isBroken = true
            }
            if isBroken, result.refusal == nil { scan(pages) }
        } catch {
            result.note(error.message)
        }
    }

    /// The commit before the last one, when the last was cut off by a power failure.
    private mutating func cutOffCommit(
        _ metas: (PageMeta?, PageMeta?), _ end: LogLock.OrderlyEnd?
    ) -> PageMeta? {
        guard let file = try? SegmentFile(path: result.path, first: result.first),
            let commit = try? LastCommit(file), !commit.isEnd(end),
            case .cutOff(let finding) = commit.judge(), let newest = PageFile.newest(metas)
        else { return nil }
        result.note(
            "the last commit is not whole, as after a power failure: nobody was told of it, and it "
                + "is left out (\(finding))")
        return newest.index == 0 ? metas.1 : metas.0
    }

    /// A flipped bit in a transaction's number would otherwise hide the last batch.
    private func olderKnowsMore(
        _ pages: PageFile, _ metas: (PageMeta?, PageMeta?), than meta: PageMeta
    ) -> Bool {
        guard meta == PageFile.newest(metas), let older = meta.index == 0 ? metas.1 : metas.0
        else { return false }
        func lastKey(_ meta: PageMeta) -> UInt64? {
            let snapshot = PageSnapshot(file: pages, meta: meta)
            guard let tree = try? snapshot.table(Table.events),
                let (page, index) = try? snapshot.floor(.max, in: tree)
            else { return nil }
            return page.leaf(index).flatMap { page.integerKey($0.key) }
        }
        guard let before = lastKey(older) else { return false }
        return before > lastKey(meta) ?? 0
    }

    private mutating func walk(_ snapshot: PageSnapshot, isSound: Bool, isLast: Bool) {
        do throws(EventLogError) {
            let meta = try SegmentFile.meta(in: snapshot)
            result.meta = meta
            result.logID = meta.logID
            if meta.first != result.first {
                result.note(
                    "the segment says that it begins at \(meta.first), its name says "
                        + "\(result.first)")
            }
        } catch {
            result.note(error.message)
            if error.code == .unsupported, !ignoresFormat {
                result.refusal = error
                result.refusal?.hint +=
                    " If none did, the record is damaged: --ignore-format reads the segment without it."
                return
            }
            if let table = try? snapshot.table(Table.meta) {
                result.logID = try? snapshot.value(SegmentMeta.Name.logID.key, in: table)
            }
        }
        var audit = TreeAudit(snapshot: snapshot)
        for name in [Table.events, Table.content] {
            do throws(EventLogError) {
                guard let tree = try snapshot.table(name) else {
                    throw snapshot.file.damaged("the segment has no table \(name)")
                }
                audit.walk(
                    tree, name: "the table \(name)", order: .integers, isAppendOnly: true
                ) { page in
                    take(page, of: name, in: snapshot)
                }
            } catch {
                isBroken = true
                result.note(error.message)
            }
        }
        for finding in audit.findings { result.note(finding) }
        if !audit.findings.isEmpty { isBroken = true }
        result.isEndCertain = isSound && endIsCertain(snapshot)
    }

    /// Whether the last batch can be reached and read.
    private func endIsCertain(_ snapshot: PageSnapshot) -> Bool {
        do throws(EventLogError) {
            guard let tree = try snapshot.table(Table.events) else { return false }
            guard let (page, index) = try snapshot.floor(.max, in: tree) else { return true }
            let run = LeafRun(
                file: snapshot.file, meta: snapshot.meta, page: page, index: index)
            let (key, value) = try run.entry()
            return try !values.batches(key: key, value: value, file: result.path).isEmpty
        } catch {
            return false
        }
    }

    /// Takes the values of a leaf page.
    private mutating func take(_ page: Page, of table: String, in snapshot: PageSnapshot) {
        for entry in 0..<page.count {
            guard let leaf = page.leaf(entry), let key = page.integerKey(leaf.key) else {
                isBroken = true
                continue
            }
            var place = ValuePlace(
                file: index,
                offset: page.number * UInt64(snapshot.file.pageBytes)
                    + UInt64(leaf.value.lowerBound),
                octets: leaf.octets)
            do throws(EventLogError) {
                let value = try snapshot.value(leaf, page: page)
                if leaf.isLarge {
                    let first: UInt64 = page.bytes.integer(at: leaf.value.lowerBound)
                    place.offset =
                        first * UInt64(snapshot.file.pageBytes) + UInt64(Page.headerOctets)
                }
                if table == Table.events {
                    let batches = try values.batches(key: key, value: value, file: result.path)
                    add(batches, place, .inTree)
                } else {
                    add(
                        try values.reader.block(key: key, value: value, file: result.path).block,
                        place)
                }
            } catch {
                isBroken = true
                result.note(error.message)
                // A placeholder would take the place of what a newer version can read.
                if error.code == .unsupported { result.refusal = result.refusal ?? error }
                result.namedSequence = max(
                    result.namedSequence, error.sequences?.upperBound ?? key)
            }
        }
    }

    private mutating func add(
        _ batches: [StoredBatch], _ place: ValuePlace, _ stand: FoundBatch.Stand
    ) {
        for batch in batches {
            result.batches.append(
                FoundBatch(
                    header: batch.header, chainHash: values.reader.chainHash(of: batch),
                    place: place, key: batches[0].firstSequence, stand: stand))
        }
    }

    private mutating func add(_ block: ContentBlock, _ place: ValuePlace) {
        guard let first = block.entries.first?.sequence, let last = block.entries.last?.sequence
        else { return }
        result.namedSequence = max(result.namedSequence, last)
        result.blocks.append(
            FoundBlock(key: first, last: last, count: block.entries.count, place: place))
    }
}

extension FileSalvage {
    /// Searches the whole file for the beginnings of values.
    private mutating func scan(_ pages: PageFile) {
        result.isScanned = true
        let known = Set((result.batches.map(\.place) + result.blocks.map(\.place)).map(\.offset))
        var octets: [UInt8] = []
        var start: UInt64 = 0
        var offset: UInt64 = 0
        while offset + UInt64(StoredValue.magicOctets) <= fileBytes {
            let inside = Int(offset - start)
            guard inside >= 0, inside + StoredValue.magicOctets <= octets.count else {
                start = offset
                octets = window(pages, at: start)
                if octets.count < StoredValue.magicOctets { return }
                continue
            }
            guard let next = Self.magic(in: octets, from: inside) else {
                offset = start + UInt64(octets.count - StoredValue.magicOctets + 1)
                offset += offset % UInt64(StoredValue.alignment)
                continue
            }
            offset = start + UInt64(next)
            var length = StoredValue.alignment
            switch values.found(at: offset, in: pages, end: fileBytes) {
            case .batches(let batches, let octets):
                length = octets
                if !known.contains(offset) {
                    add(
                        batches, ValuePlace(file: index, offset: offset, octets: octets),
                        isValuePlace(offset, pages) ? .onPage : .loose)
                }
            case .block(let block, let octets):
                length = octets
                if !known.contains(offset) {
                    add(block, ValuePlace(file: index, offset: offset, octets: octets))
                }
            case nil: break
            }
            // What stands inside of a value is not looked at: a message may hold anything.
            offset += UInt64(length + length % StoredValue.alignment)
        }
    }

    /// Where the next beginning is among some octets, at an even place.
    private static func magic(in octets: [UInt8], from start: Int) -> Int? {
        var index = start
        while index + StoredValue.magicOctets <= octets.count {
            if octets[index] == UInt8(ascii: "W"),
                StoredValue.isMagic(octets[index..<index + StoredValue.magicOctets])
            {
                return index
            }
            index += StoredValue.alignment
        }
        return nil
    }

    /// Octets of the file; what the disk does not give is zeros.
    private func window(_ pages: PageFile, at offset: UInt64) -> [UInt8] {
        let count = EventLogLimits.scanWindowOctets
        if let octets = try? pages.bytes(at: offset, count: count, orFewer: true) {
            return octets
        }
        var octets: [UInt8] = []
        let end = min(fileBytes, offset + UInt64(count))
        while offset + UInt64(octets.count) < end {
            let at = offset + UInt64(octets.count)
            let piece = Int(min(UInt64(pages.pageBytes), end - at))
            octets += (try? pages.bytes(at: at, count: piece)) ?? Array(repeating: 0, count: piece)
        }
        return octets
    }

    /// Whether the pages say that a value begins there.
    private func isValuePlace(_ offset: UInt64, _ pages: PageFile) -> Bool {
        let number = offset / UInt64(pages.pageBytes)
        let inside = Int(offset % UInt64(pages.pageBytes))
        guard
            let bytes = try? pages.bytes(
                at: number * UInt64(pages.pageBytes), count: pages.pageBytes, orFewer: true)
        else { return false }
        if inside == Page.headerOctets,
            Page(bytes: bytes, number: number, kind: .overflow) != nil
        {
            return true
        }
        guard let page = Page(bytes: bytes, number: number, kind: .leaf) else { return false }
        return (0..<page.count).contains { page.leaf($0)?.value.lowerBound == inside }
    }
}
