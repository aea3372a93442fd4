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

    /// The row of a message that was accepted just now.
    static func make(_ fact: MessageReceived, epoch: UInt32, time: EventTime) -> [UInt8] {
        // Room for one recipient, so that a message with one is one allocation.
        var row = RowWriter(capacity: 128)
        row.write(fixed: epoch)
        row.write(fixed: time.microseconds)
        row.write(fixed: UInt32(clamping: fact.recipientCount))
        row.write(fixed: UInt32(0))
        row.write(fixed: UInt32(0))
        var flags = fact.body.rawValue | fact.returnContent.rawValue << 3
        if fact.smtpUTF8 { flags |= 0x04 }
        if fact.reversePath == .null { flags |= 0x20 }
        row.write(flags)
        row.write(varint: UInt64(clamping: fact.sizeOctets))
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
        return row.bytes
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
    static func count(_ row: inout [UInt8], seen: Int32, waiting: Int32) {
        add(seen, at: seenOffset, of: &row)
        add(waiting, at: waitingOffset, of: &row)
    }

    /// Corrects the recipient count of a message that turns out to have more.
    static func raiseRecipientCount(_ row: inout [UInt8], to count: UInt32) {
        for index in 0..<4 { row[12 + index] = UInt8(truncatingIfNeeded: count >> (8 * index)) }
    }

    private static func add(_ difference: Int32, at offset: Int, of row: inout [UInt8]) {
        guard difference != 0 else { return }
        var number: UInt32 = 0
        for index in (0..<4).reversed() { number = number << 8 | UInt32(row[offset + index]) }
        number = UInt32(clamping: Int64(number) + Int64(difference))
        for index in 0..<4 {
            row[offset + index] = UInt8(truncatingIfNeeded: number >> (8 * index))
        }
    }

    /// Whether every recipient was queued and none waits any more.
    static func isFinal(_ row: [UInt8]) -> Bool {
        var reader = RowReader(row)
        let head = head(&reader)
        return head.waiting == 0 && head.seen >= head.recipientCount
    }
}
