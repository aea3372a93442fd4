package import EventLog
import MailEvents
package import Projections

extension Queue: Projection {
    package static var name: String { "queue" }
    package static var version: UInt32 { 5 }
    /// Version 3 has added the rows of open attempts; no server of version 2 wrote an `attempted`.
    /// Version 4 has added those of pieces; no server before wrote a `content_received`.
    /// Version 5 has stretches of the log in place of single pieces.
    package static var oldestReadableVersion: UInt32 { 2 }

    /// Sorts after every sequence; suspensions and open attempts come after it.
    private static let totalsKey: [UInt8] = [0xFF]

    /// Applies a batch of the log.
    ///
    /// - Throws: `BatchDecodingError`; then the events before the damage may have been applied.
    package mutating func apply(_ batch: StoredBatch) throws {
        guard batch.header.lastSequence > lastSequence else { return }
        defer { texts = nil }
        try MailEventDecoder.visit(
            batch.bytes, firstSequence: batch.firstSequence, epoch: batch.epoch,
            firstTime: batch.firstTime, &self)
        guard texts == nil else { return }
        for event in try batch.events() { apply(event) }
    }

    package mutating func load(_ row: ProjectionRow) -> Bool {
        if row.key == Self.totalsKey { return loadTotals(row.value) }
        if let sequence = SuspensionRow.sequence(row.key) {
            return loadSuspension(row.value, sequence: sequence)
        }
        if let key = OpenAttemptRow.recipient(row.key) { return loadAttempt(row.value, key) }
        if let piece = ContentPieceRow.row(row.key) {
            return ContentPieceRow.load(piece, row.value, into: &pieces)
        }
        guard let key = Self.key(row.key), !row.value.isEmpty else { return false }
        if key.part > 0 {
            guard table.sequences.last == key.sequence else { return false }
            parts[key] = row.value
            return loadRecipients(RowReader(row.value), in: key.part)
        }
        guard table.sequences.last.map({ $0 < key.sequence }) ?? true else { return false }
        var reader = RowReader(row.value)
        let head = MessageRow.head(&reader)
        MessageRow.skipTexts(&reader)
        guard reader.isIntact else { return false }
        table.append(key.sequence, row.value)
        counts.messages += 1
        counts.octets &+= head.sizeOctets
        return loadRecipients(reader, in: 0)
    }

    package func forEachRow(_ body: (ProjectionRow) throws -> Void) rethrows {
        let partKeys = parts.keys.sorted()
        var nextPart = 0
        for index in table.rows.indices where !table.rows[index].isEmpty {
            let sequence = table.sequences[index]
            try body(ProjectionRow(key: Self.bytes(sequence, 0), value: table.rows[index]))
            while nextPart < partKeys.count, partKeys[nextPart].sequence == sequence {
                let key = partKeys[nextPart]
                nextPart += 1
                guard let row = parts[key] else { continue }
                try body(ProjectionRow(key: Self.bytes(sequence, key.part), value: row))
            }
        }
        try body(ProjectionRow(key: Self.totalsKey, value: totalsRow))
        for suspension in suspensions.all {
            try body(
                ProjectionRow(
                    key: SuspensionRow.key(suspension.sequence),
                    value: SuspensionRow.make(suspension)))
        }
        for key in attempts.keys {
            guard let attempt = attempts[key] else { continue }
            try body(
                ProjectionRow(
                    key: OpenAttemptRow.key(key), value: OpenAttemptRow.make(attempt)))
        }
        for row in pieces.rows {
            guard let value = ContentPieceRow.make(row, of: pieces) else { continue }
            try body(ProjectionRow(key: ContentPieceRow.key(row), value: value))
        }
    }

    package mutating func takeCheckpoint(at position: Position) -> Checkpoint {
        var changes: [ProjectionChange] = []
        for sequence in changed {
            changes.append(
                ProjectionChange(
                    key: Self.bytes(sequence, 0),
                    value: table.index(of: sequence).map { table.rows[$0] }))
        }
        for key in changedParts {
            changes.append(
                ProjectionChange(key: Self.bytes(key.sequence, key.part), value: parts[key]))
        }
        for index in table.firstIndex(from: savedThrough + 1)..<table.rows.count
        where !table.rows[index].isEmpty {
            changes.append(
                ProjectionChange(
                    key: Self.bytes(table.sequences[index], 0), value: table.rows[index]))
        }
        changes.append(ProjectionChange(key: Self.totalsKey, value: totalsRow))
        for sequence in removedSuspensions {
            changes.append(ProjectionChange(key: SuspensionRow.key(sequence), value: nil))
        }
        for suspension in suspensions.all where suspension.sequence > savedThrough {
            changes.append(
                ProjectionChange(
                    key: SuspensionRow.key(suspension.sequence),
                    value: SuspensionRow.make(suspension)))
        }
        for (key, attempt) in attempts.takeChanges(whole: needsWhole) {
            changes.append(
                ProjectionChange(
                    key: OpenAttemptRow.key(key), value: attempt.map(OpenAttemptRow.make)))
        }
        for row in pieces.takeChanges(whole: needsWhole) {
            changes.append(
                ProjectionChange(
                    key: ContentPieceRow.key(row), value: ContentPieceRow.make(row, of: pieces)))
        }
        let isWhole = needsWhole
        savedThrough = max(savedThrough, lastSequence)
        needsWhole = false
        changed = []
        changedParts = []
        removedSuspensions = []
        return Checkpoint(position: position, changes: changes, isWhole: isWhole)
    }

    package mutating func forgetChanges() {
        needsWhole = true
        savedThrough = 0
        changed = []
        changedParts = Set(parts.keys)
        removedSuspensions = []
    }

    // MARK: Keys

    /// Big-endian, so that octet order is sequence order: 8 octets, and 4 more for a part.
    private static func bytes(_ sequence: UInt64, _ part: UInt32) -> [UInt8] {
        var bytes = [UInt8]()
        bytes.reserveCapacity(12)
        for index in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: sequence >> (56 - 8 * index))) }
        guard part > 0 else { return bytes }
        for index in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: part >> (24 - 8 * index))) }
        return bytes
    }

    private static func key(_ bytes: [UInt8]) -> PartKey? {
        guard bytes.count == 8 || bytes.count == 12 else { return nil }
        let sequence = bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        let part = bytes.dropFirst(8).reduce(0) { $0 << 8 | UInt32($1) }
        guard bytes.count == 8 || part > 0 else { return nil }
        return PartKey(sequence: sequence, part: part)
    }

    // MARK: Loading

    /// Counts the recipients of a loaded row; false when they are not what they should be.
    private mutating func loadRecipients(_ reader: RowReader, in part: UInt32) -> Bool {
        var reader = reader
        var last = -1
        while !reader.isAtEnd {
            let outline = RecipientRecord.outline(&reader)
            guard outline.number > last, outline.number / Limits.recipientsPerRow == Int(part)
            else { return false }
            last = outline.number
            counts.recipients += 1
            count(outline.flags, 1)
        }
        return reader.isIntact
    }

    /// Takes in a suspension; it comes after the totals.
    private mutating func loadSuspension(_ row: [UInt8], sequence: UInt64) -> Bool {
        guard let suspension = SuspensionRow.read(row, sequence: sequence),
            sequence <= lastSequence, !suspensions.has(suspension.selector)
        else { return false }
        return suspensions.insert(suspension)
    }

    /// Takes in an open attempt; it comes after the suspensions.
    private mutating func loadAttempt(_ row: [UInt8], _ key: OpenAttempts.Key) -> Bool {
        guard let attempt = OpenAttemptRow.read(row, key), attempt.sequence <= lastSequence,
            index(of: attempt.message) != nil, attempts[key] == nil
        else { return false }
        attempts.load(attempt)
        counts.held = attempts.heldCount
        return true
    }

    private var totalsRow: [UInt8] {
        var row = RowWriter(capacity: 64)
        row.write(varint: lastSequence)
        for total in [
            totals.received, totals.queued, totals.deferred, totals.delivered, totals.bounced,
            totals.expired,
        ] {
            row.write(varint: UInt64(total))
        }
        return row.bytes
    }

    private mutating func loadTotals(_ row: [UInt8]) -> Bool {
        var reader = RowReader(row)
        lastSequence = reader.varint()
        totals.received = reader.count()
        totals.queued = reader.count()
        totals.deferred = reader.count()
        totals.delivered = reader.count()
        totals.bounced = reader.count()
        totals.expired = reader.count()
        savedThrough = lastSequence
        needsWhole = false
        return reader.isIntact && reader.isAtEnd
            && table.sequences.last.map { $0 <= lastSequence } ?? true
    }
}
