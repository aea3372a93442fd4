import MailEvents
import MailModel
import Projections

/// One waiting recipient within a row.
///
/// ```
/// number (varint), flags (1), due less received at (signed), local-part, domain (texts),
/// ORCPT (text, with flag 0x40), after the first failed attempt (flag 0x80):
/// deferred at less received at (signed), attempt (varint), reply code (varint), enhanced status
/// (varint: class * 1,000,000 + subject * 1,000 + detail, 0 for none), class (1), said by (1),
/// command, reply text (texts), 1 with a peer: host, address, source address (texts), port (varint)
/// ```
///
/// Concurrency: no state.
enum RecipientRecord {
    static let inDoubt: UInt8 = 0x10
    static let openIntent: UInt8 = 0x20
    static let originalRecipient: UInt8 = 0x40
    static let deferred: UInt8 = 0x80

    /// The octet of flags.
    static func flags(of recipient: QueuedRecipient) -> UInt8 {
        var flags = recipient.notify.rawValue & 0x0F
        if recipient.inDoubt { flags |= inDoubt }
        if recipient.hasOpenIntent { flags |= openIntent }
        if !recipient.originalRecipient.isEmpty { flags |= originalRecipient }
        if recipient.lastDeferral != nil { flags |= deferred }
        return flags
    }

    /// Writes a recipient; times are kept relative to when the message was received.
    static func write(_ recipient: QueuedRecipient, base: Int64, to row: inout RowWriter) {
        row.write(varint: UInt64(clamping: recipient.number))
        row.write(flags(of: recipient))
        row.write(signed: recipient.due.microseconds &- base)
        row.write(recipient.mailbox.localPart)
        row.write(recipient.mailbox.domain)
        if !recipient.originalRecipient.isEmpty { row.write(recipient.originalRecipient) }
        if let deferral = recipient.lastDeferral { write(deferral, base: base, to: &row) }
    }

    /// Writes what stands in a record after the first failed attempt.
    static func write(_ deferral: LastDeferral, base: Int64, to row: inout RowWriter) {
        row.write(signed: deferral.time.microseconds &- base)
        row.write(varint: UInt64(clamping: deferral.attempt.number))
        let reply = deferral.attempt.reply
        row.write(varint: UInt64(reply.code))
        row.write(
            varint: reply.status.map {
                UInt64($0.class) * 1_000_000 + UInt64($0.subject) * 1000 + UInt64($0.detail)
            } ?? 0)
        row.write(deferral.class.rawValue)
        row.write(deferral.saidBy.rawValue)
        row.write(deferral.attempt.command)
        row.write(reply.text)
        guard let peer = deferral.attempt.peer else {
            row.write(0)
            return
        }
        row.write(1)
        row.write(peer.host)
        row.write(peer.address)
        row.write(peer.sourceAddress)
        row.write(varint: UInt64(clamping: peer.port))
    }

    /// Reads a recipient.
    static func read(
        _ reader: inout RowReader, base: Int64, strings: inout StringCache
    ) -> QueuedRecipient {
        let number = reader.count()
        let flags = reader.byte()
        let due = reader.signed() &+ base
        let localPart = reader.text()
        let domain = strings.string(reader.textBytes())
        let original = flags & originalRecipient != 0 ? reader.text() : ""
        return QueuedRecipient(
            number: number, mailbox: Mailbox(localPart: localPart, domain: domain),
            notify: NotifyOn(rawValue: flags & 0x0F), originalRecipient: original,
            due: EventTime(microseconds: due),
            lastDeferral: flags & deferred != 0
                ? readDeferral(&reader, base: base, strings: &strings) : nil,
            inDoubt: flags & inDoubt != 0, hasOpenIntent: flags & openIntent != 0)
    }

    private static func readDeferral(
        _ reader: inout RowReader, base: Int64, strings: inout StringCache
    ) -> LastDeferral {
        let time = EventTime(microseconds: reader.signed() &+ base)
        let attempt = reader.count()
        let code = UInt16(truncatingIfNeeded: reader.varint())
        let packed = reader.varint()
        let status =
            packed == 0
            ? nil
            : EnhancedStatusCode(
                UInt8(truncatingIfNeeded: packed / 1_000_000),
                UInt16(truncatingIfNeeded: packed / 1000 % 1000),
                UInt16(truncatingIfNeeded: packed % 1000))
        let bounceClass = BounceClass(rawValue: reader.byte())
        let saidBy = SaidBy(rawValue: reader.byte())
        let command = reader.text()
        let reply = Reply(code, status, reader.text())
        if bounceClass == nil || saidBy == nil { reader.fail() }
        var peer: DeliveryPeer?
        if reader.byte() != 0 {
            let host = strings.string(reader.textBytes())
            let address = strings.string(reader.textBytes())
            let source = strings.string(reader.textBytes())
            peer = DeliveryPeer(
                host: host, address: address, port: reader.count(), sourceAddress: source)
        }
        return LastDeferral(
            time: time,
            attempt: Attempt(number: attempt, reply: reply, command: command, peer: peer),
            class: bounceClass ?? .none, saidBy: saidBy ?? .local)
    }

    /// The little that finding, counting and scheduling need.
    struct Outline {
        var number: Int
        var flags: UInt8
        /// Less the message's time of receipt, microseconds.
        var due: Int64
        /// Where the local-part's text begins in the row, its length before it.
        var localPartOffset: Int
        /// Where the domain's text begins in the row, its length before it.
        var domainOffset: Int
        var attempts: Int
    }

    /// Reads the outline and passes over the rest.
    static func outline(_ reader: inout RowReader) -> Outline {
        let number = reader.count()
        let flags = reader.byte()
        let due = reader.signed()
        let localPartOffset = reader.offset
        reader.skipText()
        var outline = Outline(
            number: number, flags: flags, due: due, localPartOffset: localPartOffset,
            domainOffset: reader.offset, attempts: 0)
        reader.skipText()
        if flags & originalRecipient != 0 { reader.skipText() }
        guard flags & deferred != 0 else { return outline }
        _ = reader.varint()
        outline.attempts = reader.count()
        _ = reader.varint()
        _ = reader.varint()
        _ = reader.byte()
        _ = reader.byte()
        reader.skipText()
        reader.skipText()
        guard reader.byte() != 0 else { return outline }
        for _ in 0..<3 { reader.skipText() }
        _ = reader.varint()
        return outline
    }

    /// Where the octet of flags of the record at a place stands.
    static func flagsOffset(_ row: [UInt8], at place: Int) -> Int {
        var reader = RowReader(row, at: place)
        _ = reader.varint()
        return reader.offset
    }

    /// Where the texts of the record at a place stand: local-part, domain, ORCPT.
    static func textsRange(_ row: [UInt8], at place: Int) -> Range<Int> {
        var reader = RowReader(row, at: place)
        _ = reader.varint()
        let flags = reader.byte()
        _ = reader.varint()
        let start = reader.offset
        reader.skipText()
        reader.skipText()
        if flags & originalRecipient != 0 { reader.skipText() }
        return start..<reader.offset
    }

    /// The row with the recipients of a domain (empty: of any) that are due later than `due` made
    /// due then; nil when there is none such.
    static func rebound(
        _ row: [UInt8], from start: Int, due: Int64, domain: String
    ) -> [UInt8]? {
        var reader = RowReader(row, at: start)
        var writer: RowWriter?
        var copied = 0
        while !reader.isAtEnd {
            let begin = reader.offset
            let outline = outline(&reader)
            guard outline.due > due else { continue }
            if !domain.isEmpty {
                var text = RowReader(row, at: outline.domainOffset)
                guard text.textBytes().elementsEqual(domain.utf8) else { continue }
            }
            // Number, flags, due: what stands before and after the due time is copied.
            var record = RowReader(row, at: begin)
            _ = record.varint()
            _ = record.byte()
            var rebound = writer ?? RowWriter(capacity: row.count + 8)
            writer = nil
            rebound.write(raw: Array(row[copied..<record.offset]))
            rebound.write(signed: due)
            _ = record.varint()
            copied = record.offset
            writer = rebound
        }
        guard var writer else { return nil }
        writer.write(raw: Array(row[copied...]))
        return writer.bytes
    }

    /// Reads the recipients of these numbers, ascending, from a row; `recordsRead` grows by those
    /// that were looked at.
    static func read(
        _ numbers: ArraySlice<Int>, in row: [UInt8], from start: Int, base: Int64,
        strings: inout StringCache, recordsRead: inout Int, into found: inout [QueuedRecipient]
    ) {
        var rest = numbers
        var reader = RowReader(row, at: start)
        while !rest.isEmpty, !reader.isAtEnd {
            let begin = reader.offset
            let number = outline(&reader).number
            recordsRead += 1
            rest = rest.drop { $0 < number }
            guard rest.first == number else { continue }
            rest = rest.drop { $0 == number }
            var record = RowReader(row, at: begin)
            found.append(read(&record, base: base, strings: &strings))
        }
    }

    /// Where a recipient's record stands, and where one with that number would be put.
    static func find(_ number: Int, in row: [UInt8], from start: Int) -> Place {
        var reader = RowReader(row, at: start)
        while !reader.isAtEnd {
            let begin = reader.offset
            let outline = outline(&reader)
            if outline.number == number { return .found(begin..<reader.offset, outline.flags) }
            if outline.number > number { return .missing(begin) }
        }
        return .missing(row.count)
    }

    /// What ``find(_:in:from:)`` found.
    enum Place {
        case found(Range<Int>, UInt8)
        case missing(Int)
    }
}
