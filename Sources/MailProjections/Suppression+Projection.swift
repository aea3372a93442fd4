package import EventLog
import MailEvents
import MailModel
package import Projections

/// The rows: key is the sequence of `suppressed`, big-endian (8 octets); value is tenant, domain and
/// local-part (texts), since (8), flags (1): 1 with an end, the end (8) where flagged, reason and actor
/// (texts). Key 0xFF has the last sequence (varint).
extension Suppression: Projection {
    package static var name: String { "suppression" }
    package static var version: UInt32 { 1 }

    private static let endKey: [UInt8] = [0xFF]

    /// Applies a batch of the log; only those with a suppression are made into values.
    ///
    /// - Throws: `BatchDecodingError`.
    package mutating func apply(_ batch: StoredBatch) throws {
        let header = batch.header
        guard header.lastSequence > lastSequence else { return }
        var scan = Scan()
        try MailEventDecoder.visit(
            batch.bytes, firstSequence: header.firstSequence, epoch: header.epoch,
            firstTime: header.firstTime, &scan)
        if scan.hasSuppression {
            for event in try batch.events() { apply(event) }
        } else if scan.lastSequence > lastSequence {
            // What ends within the batch ends with it: nothing in it can tell the difference.
            begin(scan.lastSequence, at: scan.latest)
        }
    }

    /// Looks for suppressions; without any, for the last event and the latest time.
    private struct Scan: EventVisitor {
        static var fields: EventFields { [] }
        var hasSuppression = false
        var lastSequence: UInt64 = 0
        var latest = Int64.min

        mutating func begin(_ texts: BatchTexts) {}

        mutating func wants(_ types: EventTypes) -> Bool {
            hasSuppression = types.intersects(EventTypes(.suppressed, .unsuppressed))
            return !hasSuppression
        }

        mutating func visit(_ event: EventView) {
            lastSequence = event.sequence
            latest = max(latest, event.time)
        }
    }

    package mutating func load(_ row: ProjectionRow) -> Bool {
        var reader = RowReader(row.value)
        if row.key == Self.endKey {
            lastSequence = reader.varint()
            savedThrough = lastSequence
            needsWhole = false
            return reader.isIntact && reader.isAtEnd
        }
        guard row.key.count == 8, let key = SuppressionKey(&reader) else { return false }
        let since = reader.fixed(Int64.self)
        let flags = reader.byte()
        let kept = Kept(
            sequence: row.key.reduce(0) { $0 << 8 | UInt64($1) }, since: since,
            expires: flags == 1 ? reader.fixed(Int64.self) : .max, reason: reader.text(),
            actor: reader.text())
        guard reader.isIntact, reader.isAtEnd, flags < 2, entries[key] == nil,
            kept.sequence > order.sequences.last ?? 0, count < Self.maximum
        else { return false }
        insert(key, kept)
        return true
    }

    package func forEachRow(_ body: (ProjectionRow) throws -> Void) rethrows {
        try forEachKept { key, kept in
            try body(
                ProjectionRow(key: Self.bytes(kept.sequence), value: Self.row(key, kept)))
        }
        try body(ProjectionRow(key: Self.endKey, value: endRow))
    }

    package mutating func takeCheckpoint(at position: Position) -> Checkpoint {
        var changes: [ProjectionChange] = []
        for sequence in removed {
            changes.append(ProjectionChange(key: Self.bytes(sequence), value: nil))
        }
        if needsWhole {
            for (key, kept) in entries {
                changes.append(
                    ProjectionChange(key: Self.bytes(kept.sequence), value: Self.row(key, kept)))
            }
        } else {
            for (sequence, key) in added {
                guard let kept = entries[key] else { continue }
                changes.append(
                    ProjectionChange(key: Self.bytes(sequence), value: Self.row(key, kept)))
            }
        }
        changes.append(ProjectionChange(key: Self.endKey, value: endRow))
        let isWhole = needsWhole
        savedThrough = max(savedThrough, lastSequence)
        needsWhole = false
        added = [:]
        removed = []
        return Checkpoint(position: position, changes: changes, isWhole: isWhole)
    }

    package mutating func forgetChanges() {
        needsWhole = true
        savedThrough = 0
        added = [:]
        removed = []
    }

    private static func bytes(_ sequence: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: sequence >> (56 - 8 * $0)) }
    }

    private static func row(_ key: SuppressionKey, _ kept: Kept) -> [UInt8] {
        var row = RowWriter(continuing: key.octets)
        row.write(fixed: kept.since)
        row.write(kept.expires == .max ? 0 : 1)
        if kept.expires < .max { row.write(fixed: kept.expires) }
        row.write(kept.reason)
        row.write(kept.actor)
        return row.bytes
    }

    private var endRow: [UInt8] {
        var row = RowWriter(capacity: 10)
        row.write(varint: lastSequence)
        return row.bytes
    }
}
