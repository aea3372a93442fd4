import MailEvents
import MailModel
import Projections

/// A suspension in a checkpoint.
///
/// ```
/// key    octets 0xFF 0x01 and the sequence of `suspended`, big-endian (8): after all messages and
///        the totals
/// value  since (8), flags (1): 1 with an end, 2 with a message; until (8), message's epoch (4) and
///        sequence (8), where flagged; campaign, tenant, domain, reason, actor (texts)
/// ```
///
/// Concurrency: no state.
enum SuspensionRow {
    private static let prefix: [UInt8] = [0xFF, 0x01]

    /// The row's key.
    static func key(_ sequence: UInt64) -> [UInt8] {
        prefix + (0..<8).map { UInt8(truncatingIfNeeded: sequence >> (56 - 8 * $0)) }
    }

    /// The sequence in a key; nil when the key is not one of a suspension.
    static func sequence(_ key: [UInt8]) -> UInt64? {
        guard key.count == 10, key.starts(with: prefix) else { return nil }
        return key.dropFirst(2).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The row's value.
    static func make(_ suspension: Suspension) -> [UInt8] {
        let selector = suspension.selector
        var row = RowWriter(capacity: 128)
        row.write(fixed: suspension.since.microseconds)
        row.write((suspension.until == nil ? 0 : 1) | (selector.message == nil ? 0 : 2))
        if let until = suspension.until { row.write(fixed: until.microseconds) }
        if let message = selector.message {
            row.write(fixed: message.epoch)
            row.write(fixed: message.sequence)
        }
        row.write(selector.campaign)
        row.write(selector.tenant)
        row.write(selector.domain)
        row.write(suspension.reason)
        row.write(suspension.actor)
        return row.bytes
    }

    /// Reads a value; nil when it is not one of a suspension.
    static func read(_ value: [UInt8], sequence: UInt64) -> Suspension? {
        var reader = RowReader(value)
        let since = EventTime(microseconds: reader.fixed(Int64.self))
        let flags = reader.byte()
        let until =
            flags & 1 != 0 ? EventTime(microseconds: reader.fixed(Int64.self)) : nil
        let message =
            flags & 2 != 0
            ? MessageID(epoch: reader.fixed(UInt32.self), sequence: reader.fixed(UInt64.self)) : nil
        let selector = RecipientSelector(
            recordedCampaign: reader.text(), tenant: reader.text(), domain: reader.text(),
            message: message)
        let suspension = Suspension(
            sequence: sequence, since: since, selector: selector, until: until,
            reason: reader.text(), actor: reader.text())
        return reader.isIntact && reader.isAtEnd && flags < 4 ? suspension : nil
    }
}
