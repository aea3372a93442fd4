package import EventLog
import MailEvents
package import Projections

extension Statistics: Projection {
    package static var name: String { "statistics" }
    package static var version: UInt32 { 2 }

    /// First octets of keys: subjects have their kind (1 to 7), logins ``Logins/keyMark``.
    private static let liveMark: UInt8 = 0x80
    /// The last row.
    private static let headKey: [UInt8] = [0xFF]

    /// Applies a batch of the log.
    ///
    /// - Throws: `BatchDecodingError`.
    package mutating func apply(_ batch: StoredBatch) throws {
        guard batch.header.lastSequence > lastSequence else { return }
        defer {
            self.batch.end()
            names.collect()
        }
        try MailEventDecoder.visit(
            batch.bytes, firstSequence: batch.firstSequence, epoch: batch.epoch,
            firstTime: batch.firstTime, &self)
    }

    package func forEachRow(_ body: (ProjectionRow) throws -> Void) rethrows {
        let order = subjects.indices.filter { cells[$0].isThere }
            .sorted { subjects[$0].key.lexicographicallyPrecedes(subjects[$1].key) }
        for number in order {
            try subjects[number].forEachRow(cells[number], names, body)
        }
        try logins.forEachRow(body)
        try live.forEachRow { block, value in
            try body(ProjectionRow(key: Self.liveKey(block), value: value))
        }
        try body(ProjectionRow(key: Self.headKey, value: headRow))
    }

    package mutating func takeCheckpoint(at position: Position) -> Checkpoint {
        precondition(need == .everything, "a part of the statistics is no checkpoint")
        var changes: [ProjectionChange] = []
        for number in subjects.indices where cells[number].isThere && cells[number].isChanged {
            let rows = subjects[number].takeChanges(cells[number], names)
            if !removedRows.isEmpty { for row in rows { removedRows.remove(row.key) } }
            changes += rows
            cells[number].isChanged = false
            cells[number].isSaved = true
        }
        changes += removedRows.map { ProjectionChange(key: $0, value: nil) }
        changes += logins.takeChanges()
        for change in live.takeChanges(through: lastSequence) {
            changes.append(ProjectionChange(key: Self.liveKey(change.block), value: change.value))
        }
        changes.append(ProjectionChange(key: Self.headKey, value: headRow))
        removedRows = []
        defer { needsWhole = false }
        return Checkpoint(position: position, changes: changes, isWhole: needsWhole)
    }

    package mutating func forgetChanges() {
        needsWhole = true
        removedRows = []
        for number in subjects.indices {
            cells[number].isChanged = true
            cells[number].isSaved = false
            subjects[number].forgetChanges()
        }
        logins.forgetChanges()
        live.forgetChanges()
    }

    // MARK: Loading

    package mutating func load(_ row: ProjectionRow) -> Bool {
        guard let mark = row.key.first else { return false }
        switch mark {
        case Self.headKey[0]: return row.key.count == 1 && loadHead(row.value)
        case Self.liveMark:
            guard row.key.count == 9 else { return false }
            return live.load(
                block: row.key.dropFirst().reduce(0) { $0 << 8 | UInt64($1) }, value: row.value)
        case Logins.keyMark: return !need.has(.tenant) || logins.load(row)
        default: return loadSubject(row)
        }
    }

    private mutating func loadSubject(_ row: ProjectionRow) -> Bool {
        guard let length = SubjectKeyBytes.length(row.key), length < row.key.count,
            let kind = SubjectKind(rawValue: row.key[0]),
            let part = SubjectRow(rawValue: row.key[length])
        else { return false }
        guard need.has(kind) else { return true }
        let key = Array(row.key[..<length])
        if part == .main {
            guard row.key.count == length + 1, keys.find(key[...]) == nil,
                let (subject, open) = Subject.load(
                    kind: kind, key: key, value: row.value, hasBreakdowns: need.hasBreakdowns(key),
                    pool: &names)
            else { return false }
            insert(subject, open)
            if key != SubjectKeyBytes.overflow(kind) { kindCounts[Int(kind.rawValue)] += 1 }
            return true
        }
        // The rows of a subject follow its main row.
        guard row.key.count == length + 5, let last = subjects.indices.last,
            subjects[last].key == key
        else { return false }
        let number = row.key[(length + 1)...].reduce(0) { $0 << 8 | UInt32($1) }
        return subjects[last].load(part, number: number, value: row.value)
    }

    /// Last sequence (varint), time of its event (signed), and whether there was one.
    private var headRow: [UInt8] {
        var row = RowWriter(capacity: 16)
        row.write(varint: lastSequence)
        row.write(signed: now)
        row.write(nextMinuteAt == .min ? 0 : 1)
        return row.bytes
    }

    private mutating func loadHead(_ value: [UInt8]) -> Bool {
        var reader = RowReader(value)
        lastSequence = reader.varint()
        now = reader.signed()
        let hasBegun = reader.byte()
        guard reader.isIntact, reader.isAtEnd, hasBegun <= 1 else { return false }
        if hasBegun == 1 { beginMinute() }
        live.loaded(through: lastSequence)
        names.collect()
        needsWhole = false
        return true
    }

    private static func liveKey(_ block: UInt64) -> [UInt8] {
        var key = [liveMark]
        for shift in stride(from: 56, through: 0, by: -8) {
            key.append(UInt8(truncatingIfNeeded: block >> UInt64(shift)))
        }
        return key
    }
}
