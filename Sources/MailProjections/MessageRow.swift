import MailEvents
import MailModel
import Projections

/// The bytes that stand for a queued message, in memory as in a checkpoint.
///
/// ```
/// octets 0  epoch (4)          4  received at (8)      12  recipient count (4)
///       16  recipients seen (4)   20  recipients waiting (4)   24  flags (1)
///       25  size (varint), reverse-path's local-part and domain, tenant, campaign, ENVID (texts)
///           waiting recipients with number below 32, each a RecipientRecord, ascending by number
/// ```
/// Recipients from number 32 on stand in rows of their own, 32 numbers each, that hold records only.
///
/// Concurrency: no state.
enum MessageRow {
    private static let countOffset = 12
    private static let seenOffset = 16
    private static let waitingOffset = 20

    /// What stands before the recipients.
    struct Head {
        var epoch: UInt32 = 0
        var receivedAt: Int64 = 0
        var recipientCount: UInt32 = 0
        var seen: UInt32 = 0
        var waiting: UInt32 = 0
        var flags: UInt8 = 0
        var sizeOctets = 0
    }

    /// Writes all before the texts of a message that was accepted just now.
    static func begin(
        _ row: inout RowWriter, epoch: UInt32, receivedAt: Int64, recipientCount: UInt32,
        flags: UInt8, sizeOctets: Int
    ) {
        row.write(fixed: epoch)
        row.write(fixed: receivedAt)
        row.write(fixed: recipientCount)
        row.write(fixed: UInt64(0))
        row.write(flags)
        row.write(varint: UInt64(clamping: sizeOctets))
    }

    /// The octet of flags.
    static func flags(
        _ body: BodyType, _ returnContent: ReturnContent, smtpUTF8: Bool, isFromNull: Bool
    ) -> UInt8 {
        body.rawValue | returnContent.rawValue << 3 | (smtpUTF8 ? 0x04 : 0)
            | (isFromNull ? 0x20 : 0)
    }

    /// Writes the row of a message that was accepted just now.
    static func write(
        _ fact: MessageReceived, epoch: UInt32, time: EventTime, to row: inout RowWriter
    ) {
        begin(
            &row, epoch: epoch, receivedAt: time.microseconds,
            recipientCount: UInt32(clamping: fact.recipientCount),
            flags: flags(
                fact.body, fact.returnContent, smtpUTF8: fact.smtpUTF8,
                isFromNull: fact.reversePath == .null),
            sizeOctets: fact.sizeOctets)
        if case .mailbox(let mailbox) = fact.reversePath {
            row.write(mailbox.localPart)
            row.write(mailbox.domain)
        } else {
            row.write("")
            row.write("")
        }
        row.write(fact.tenant)
        row.write(fact.campaign)
        row.write(fact.envelopeID)
    }

    /// Writes the same from the columns of a batch.
    static func write(
        _ event: EventView, _ texts: BatchTexts, epoch: UInt32, to row: inout RowWriter
    ) {
        begin(
            &row, epoch: epoch, receivedAt: event.time, recipientCount: event.recipientCount,
            flags: flags(
                BodyType(rawValue: UInt8(clamping: event.body)) ?? .sevenBit,
                ReturnContent(rawValue: UInt8(clamping: event.returnContent)) ?? .unspecified,
                smtpUTF8: event.smtpUTF8,
                isFromNull: event.localText == 0 && event.domainText == 0),
            sizeOctets: event.sizeOctets)
        row.write(event.localText, of: texts)
        row.write(event.domainText, of: texts)
        row.write(event.tenantText, of: texts)
        row.write(event.campaignText, of: texts)
        row.write(event.envelopeIDText, of: texts)
    }

    /// Reads the fixed fields and the size.
    static func head(_ reader: inout RowReader) -> Head {
        var head = Head()
        head.epoch = reader.fixed(UInt32.self)
        head.receivedAt = reader.fixed(Int64.self)
        head.recipientCount = reader.fixed(UInt32.self)
        head.seen = reader.fixed(UInt32.self)
        head.waiting = reader.fixed(UInt32.self)
        head.flags = reader.byte()
        head.sizeOctets = reader.count()
        return head
    }

    /// Reads all before the recipients, leaving the reader at the first of them.
    static func message(
        _ reader: inout RowReader, sequence: UInt64, strings: inout StringCache
    ) -> QueuedMessage {
        let head = head(&reader)
        let localPart = reader.text()
        let domain = strings.string(reader.textBytes())
        let tenant = strings.string(reader.textBytes())
        let campaign = strings.string(reader.textBytes())
        let envelopeID = reader.text()
        return QueuedMessage(
            id: MessageID(epoch: head.epoch, sequence: sequence),
            reversePath: head.flags & 0x20 != 0
                ? .null : .mailbox(Mailbox(localPart: localPart, domain: domain)),
            tenant: tenant, campaign: campaign, sizeOctets: head.sizeOctets,
            receivedAt: EventTime(microseconds: head.receivedAt),
            body: BodyType(rawValue: head.flags & 0x03) ?? .sevenBit,
            smtpUTF8: head.flags & 0x04 != 0,
            returnContent: ReturnContent(rawValue: head.flags >> 3 & 0x03) ?? .unspecified,
            envelopeID: envelopeID, recipientCount: Int(head.recipientCount), recipients: [])
    }

    /// Passes over the texts between size and recipients.
    static func skipTexts(_ reader: inout RowReader) {
        for _ in 0..<5 { reader.skipText() }
    }

    /// Where the recipients begin.
    static func recipientsOffset(_ row: [UInt8]) -> Int {
        var reader = RowReader(row)
        _ = head(&reader)
        skipTexts(&reader)
        return reader.offset
    }

    /// Adds to the two counters, seen and waiting.
    @inline(__always)
    static func count(_ row: inout [UInt8], seen: Int32, waiting: Int32) {
        add(seen, at: seenOffset, of: &row)
        add(waiting, at: waitingOffset, of: &row)
    }

    /// Corrects the recipient count of a message that turns out to have more.
    static func raiseRecipientCount(_ row: inout [UInt8], to count: UInt32) {
        for index in 0..<4 {
            row[countOffset + index] = UInt8(truncatingIfNeeded: count >> (8 * index))
        }
    }

    private static func add(_ difference: Int32, at offset: Int, of row: inout [UInt8]) {
        guard difference != 0 else { return }
        let number = UInt32(clamping: Int64(number(at: offset, of: row)) + Int64(difference))
        for index in 0..<4 {
            row[offset + index] = UInt8(truncatingIfNeeded: number >> (8 * index))
        }
    }

    /// The epoch of a row.
    static func epoch(_ row: [UInt8]) -> UInt32 { number(at: 0, of: row) }

    /// Whether one recipient waits and all have been queued: with it the message is final.
    static func isLast(_ row: [UInt8]) -> Bool {
        number(at: waitingOffset, of: row) == 1
            && number(at: seenOffset, of: row) >= number(at: countOffset, of: row)
    }

    /// Whether every recipient was queued and none waits any more.
    static func isFinal(_ row: [UInt8]) -> Bool {
        number(at: waitingOffset, of: row) == 0
            && number(at: seenOffset, of: row) >= number(at: countOffset, of: row)
    }

    private static func number(at offset: Int, of row: [UInt8]) -> UInt32 {
        guard row.count >= offset + 4 else { return 0 }
        var number: UInt32 = 0
        for index in (0..<4).reversed() { number = number << 8 | UInt32(row[offset + index]) }
        return number
    }
}

extension RowWriter {
    /// A text of a batch with its length before it; its octets are UTF-8.
    @inline(__always)
    mutating func write(_ number: UInt32, of texts: BatchTexts) {
        write(text: texts.bytes, texts.range(number))
    }
}
