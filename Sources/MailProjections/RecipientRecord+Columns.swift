import MailEvents
import MailModel
import Projections

// Records written from the columns of a batch, without values between.
extension RecipientRecord {
    /// Writes the record of a `queued`.
    static func write(
        _ event: EventView, _ texts: BatchTexts, base: Int64, to row: inout RowWriter
    ) {
        let original = texts.range(event.originalRecipientText)
        row.write(varint: UInt64(event.recipientNumber))
        row.write(
            UInt8(truncatingIfNeeded: event.notify) & 0x0F
                | (original.isEmpty ? 0 : originalRecipient))
        row.write(signed: event.due &- base)
        row.write(event.localText, of: texts)
        row.write(event.domainText, of: texts)
        if !original.isEmpty { row.write(text: texts.bytes, original) }
    }

    /// Writes what a record has of the last `deferred`.
    static func writeDeferral(
        _ event: EventView, _ texts: BatchTexts, base: Int64, to row: inout RowWriter
    ) {
        row.write(signed: event.time &- base)
        row.write(varint: UInt64(event.attempt))
        row.write(varint: UInt64(event.replyCode))
        row.write(varint: UInt64(event.enhancedStatus))
        row.write((BounceClass(rawValue: UInt8(clamping: event.bounceClass)) ?? .none).rawValue)
        row.write((SaidBy(rawValue: UInt8(clamping: event.saidBy)) ?? .remote).rawValue)
        row.write(event.commandText, of: texts)
        let reply = texts.range(event.replyText)
        if reply.count <= Limits.replyTextOctetsMaximum {
            row.write(text: texts.bytes, reply)
        } else {
            // The cut may fall within a character.
            let kept = reply.prefix(Limits.replyTextOctetsMaximum)
            row.write(String(decoding: texts.bytes[kept], as: UTF8.self))
        }
        guard event.hasPeer else {
            row.write(0)
            return
        }
        row.write(1)
        row.write(event.mxHostText, of: texts)
        row.write(event.mxAddressText, of: texts)
        row.write(event.sourceAddressText, of: texts)
        row.write(varint: UInt64(event.mxPort))
    }
}
