import MailEvents
import MailModel
import Projections

/// An open attempt in a checkpoint.
///
/// ```
/// key    octets 0xFF 0x02, the message's sequence (8) and the recipient's number (4), big-endian: after
///        the suspensions
/// value  message's epoch (4), announced at (8), flags (1): 1 held, 2 with a peer; held since (8) where
///        flagged; sequence of `attempted` (varint), attempt (varint), and where flagged: host, address,
///        source address (texts), port (varint)
/// ```
///
/// Concurrency: no state.
enum OpenAttemptRow {
    private static let prefix: [UInt8] = [0xFF, 0x02]

    /// The row's key.
    static func key(_ key: OpenAttempts.Key) -> [UInt8] {
        prefix
            + (0..<8).map { UInt8(truncatingIfNeeded: key.sequence >> (56 - 8 * $0)) }
            + (0..<4).map { UInt8(truncatingIfNeeded: key.number >> (24 - 8 * $0)) }
    }

    /// The recipient in a key; nil when the key is not one of an open attempt.
    static func recipient(_ key: [UInt8]) -> OpenAttempts.Key? {
        guard key.count == 14, key.starts(with: prefix) else { return nil }
        return OpenAttempts.Key(
            sequence: key[2..<10].reduce(0) { $0 << 8 | UInt64($1) },
            number: key[10..<14].reduce(0) { $0 << 8 | UInt32($1) })
    }

    /// The row's value.
    static func make(_ attempt: OpenAttempt) -> [UInt8] {
        var row = RowWriter(capacity: 96)
        row.write(fixed: attempt.message.epoch)
        row.write(fixed: attempt.announcedAt.microseconds)
        row.write((attempt.isHeld ? 1 : 0) | (attempt.peer == nil ? 0 : 2))
        if let since = attempt.heldSince { row.write(fixed: since.microseconds) }
        row.write(varint: attempt.sequence)
        row.write(varint: UInt64(clamping: attempt.attempt))
        if let peer = attempt.peer {
            row.write(peer.host)
            row.write(peer.address)
            row.write(peer.sourceAddress)
            row.write(varint: UInt64(clamping: peer.port))
        }
        return row.bytes
    }

    /// Reads a value; nil when it is not one of an open attempt.
    static func read(_ value: [UInt8], _ key: OpenAttempts.Key) -> OpenAttempt? {
        var reader = RowReader(value)
        let message = MessageID(epoch: reader.fixed(UInt32.self), sequence: key.sequence)
        let announcedAt = EventTime(microseconds: reader.fixed(Int64.self))
        let flags = reader.byte()
        let since = flags & 1 != 0 ? EventTime(microseconds: reader.fixed(Int64.self)) : nil
        let sequence = reader.varint()
        let number = reader.count()
        var peer: DeliveryPeer?
        if flags & 2 != 0 {
            let (host, address, source) = (reader.text(), reader.text(), reader.text())
            peer = DeliveryPeer(
                host: host, address: address, port: reader.count(), sourceAddress: source)
        }
        guard reader.isIntact, reader.isAtEnd, flags < 4 else { return nil }
        return OpenAttempt(
            message: message, number: Int(key.number), attempt: number, announcedAt: announcedAt,
            sequence: sequence, peer: peer, heldSince: since)
    }
}
