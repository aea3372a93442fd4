package import EventLog
import MailEvents
import MailModel
package import Projections

/// The rows: see ``HistoryRowKey``. Pieces of sealed chunks are in checkpoints and files, but not among
/// ``forEachRow(_:)``: they are not in memory, never change, and their SHA-256 is in their chunk's row.
extension History: Projection {
    package static var name: String { "history" }
    package static var version: UInt32 { 1 }

    static let blockPostings = Limits.historyBlockPostings

    package mutating func apply(_ batch: StoredBatch) throws {
        guard batch.lastSequence > head.lastSequence else { return }
        defer { texts = nil }
        try MailEventDecoder.visit(
            batch.bytes, firstSequence: batch.firstSequence, epoch: batch.epoch,
            firstTime: batch.firstTime, &self)
    }

    // MARK: Rows

    package mutating func load(_ row: ProjectionRow) -> Bool {
        switch HistoryRowKey(row.key) {
        case .head:
            guard let (head, counts) = Head.read(row.value) else { return false }
            self.head = head
            // Checked when the postings come: see ``loadOpen(_:_:_:)``.
            saved = counts
            needsWhole = false
            return true
        case .chunk(let number):
            guard let chunk = HistoryChunk(number: number, row.value),
                chunks.last.map({ $0.number < number }) ?? true,
                number >= head.oldestChunk, number < head.openChunk
            else { return false }
            chunks.append(chunk)
            return true
        case .open(let kind, let block): return loadOpen(kind, block, row.value)
        case .piece(let number, let kind, let first):
            return self[chunk: number]?.hasPiece(kind, first: first) ?? false
        case nil: return false
        }
    }

    /// A sealed chunk that is kept.
    subscript(chunk number: UInt32) -> HistoryChunk? {
        var (low, high) = (0, chunks.count)
        while low < high {
            let middle = (low + high) / 2
            if chunks[middle].number < number { low = middle + 1 } else { high = middle }
        }
        return low < chunks.count && chunks[low].number == number ? chunks[low] : nil
    }

    private mutating func loadOpen(_ kind: HistoryKind, _ block: UInt32, _ value: [UInt8]) -> Bool {
        let count = open[kind.index].count
        guard value.count % 8 == 0, count == Int(block) * Self.blockPostings,
            count + value.count / 8 == min(saved[kind.index], count + Self.blockPostings)
        else { return false }
        var reader = RowReader(value)
        for _ in 0..<value.count / 8 { open[kind.index].append(reader.fixed(UInt64.self)) }
        savedBlocks[kind.index] = Int(block) + 1
        return true
    }

    package func forEachRow(_ body: (ProjectionRow) throws -> Void) rethrows {
        try body(ProjectionRow(key: HistoryRowKey.head.bytes, value: head.value(open.map(\.count))))
        for chunk in chunks {
            try body(
                ProjectionRow(
                    key: HistoryRowKey.chunk(chunk.number).bytes, value: chunk.value))
        }
        for kind in HistoryKind.allCases {
            for block in 0..<blocks(kind) {
                try body(ProjectionRow(key: Self.key(kind, block), value: value(kind, block)))
            }
        }
    }

    // MARK: Checkpoints

    package mutating func takeCheckpoint(at position: Position) -> Checkpoint {
        var changes = [
            ProjectionChange(key: HistoryRowKey.head.bytes, value: head.value(open.map(\.count)))
        ]
        (taken, pending) = (pending, [])
        (droppedTaken, dropped) = (dropped, [])
        for chunk in droppedTaken {
            changes += chunk.keys.map { ProjectionChange(key: $0, value: nil) }
        }
        for sealed in taken {
            let number = sealed.chunk.number
            changes.append(
                ProjectionChange(
                    key: HistoryRowKey.chunk(number).bytes, value: sealed.chunk.value))
            for kind in HistoryKind.allCases {
                for piece in sealed.pieces[kind.index] {
                    let key = HistoryRowKey.piece(chunk: number, kind, first: piece.first)
                    changes.append(ProjectionChange(key: key.bytes, value: piece.bytes))
                }
            }
        }
        for kind in HistoryKind.allCases {
            let count = blocks(kind)
            for block in min(saved[kind.index] / Self.blockPostings, count)..<count {
                changes.append(
                    ProjectionChange(key: Self.key(kind, block), value: value(kind, block)))
            }
            for block in count..<max(count, savedBlocks[kind.index]) {
                changes.append(ProjectionChange(key: Self.key(kind, block), value: nil))
            }
            saved[kind.index] = open[kind.index].count
            takenBlocks[kind.index] = savedBlocks[kind.index]
            savedBlocks[kind.index] = count
        }
        let isWhole = needsWhole
        (needsWhole, isTakenWhole) = (false, needsWhole)
        return Checkpoint(position: position, changes: changes, isWhole: isWhole)
    }

    /// What was given out last is given out again. The pieces that were in checkpoints before are
    /// not in memory any more: only a file that holds them can be gone on with, or a new value.
    package mutating func forgetChanges() {
        pending = (taken + pending).filter { self[chunk: $0.chunk.number] != nil }
        taken = []
        dropped = droppedTaken + dropped
        droppedTaken = []
        needsWhole = needsWhole || isTakenWhole
        for kind in HistoryKind.allCases {
            saved[kind.index] = 0
            // The file has as many as it had, or as it was to have.
            savedBlocks[kind.index] = max(savedBlocks[kind.index], takenBlocks[kind.index])
        }
    }

    private func blocks(_ kind: HistoryKind) -> Int {
        (open[kind.index].count + Self.blockPostings - 1) / Self.blockPostings
    }

    private static func key(_ kind: HistoryKind, _ block: Int) -> [UInt8] {
        HistoryRowKey.open(kind, block: UInt32(block)).bytes
    }

    private func value(_ kind: HistoryKind, _ block: Int) -> [UInt8] {
        let start = block * Self.blockPostings
        let words = open[kind.index][
            start..<min(start + Self.blockPostings, open[kind.index].count)]
        var row = RowWriter(capacity: 8 * words.count)
        for word in words { row.write(fixed: word) }
        return row.bytes
    }
}

extension History.Head {
    /// The row; with the numbers of postings in the open chunk, by kind.
    func value(_ counts: [Int]) -> [UInt8] {
        var row = RowWriter(capacity: 64)
        row.write(UInt8(truncatingIfNeeded: chunkBits))
        row.write(fixed: seed)
        row.write(varint: lastSequence)
        row.write(varint: openChunk)
        row.write(varint: oldestChunk)
        row.write(varint: firstSequence)
        row.write(fixed: lastTime)
        row.write(varint: UInt64(run?.epoch ?? 0))
        row.write(varint: run?.sequence ?? 0)
        for count in counts { row.write(varint: UInt64(count)) }
        return row.bytes
    }

    /// Reads a row; nil when it is damaged.
    static func read(_ value: [UInt8]) -> (head: History.Head, counts: [Int])? {
        var reader = RowReader(value)
        var head = History.Head(chunkBits: UInt64(reader.byte()))
        head.seed = reader.fixed(UInt64.self)
        head.lastSequence = reader.varint()
        head.openChunk = reader.varint()
        head.oldestChunk = reader.varint()
        head.firstSequence = reader.varint()
        head.lastTime = reader.fixed(Int64.self)
        let epoch = reader.varint()
        let run = reader.varint()
        if run != 0 {
            head.run = MessageID(epoch: UInt32(truncatingIfNeeded: epoch), sequence: run)
        }
        let counts = (0..<HistoryKind.count).map { _ in reader.count() }
        guard reader.isIntact, reader.isAtEnd, (1...Posting.offsetBits).contains(head.chunkBits),
            head.lastSequence <= Posting.keyMaximum, head.oldestChunk <= head.openChunk,
            head.openChunk <= Posting.keyMaximum, epoch <= UInt64(UInt32.max)
        else { return nil }
        return (head, counts)
    }
}
