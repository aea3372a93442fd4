package import MailEvents
package import MailModel
import MessageFormat

/// The fields that go before the content when it is sent: our Received, and what the content lacks.
///
/// Rendered for each transaction and not stored: identical content stays identical in the log, and
/// the id is not known before the log has given it.
package enum Prologue {
    /// The octets, each field with its CRLF.
    ///
    /// `recipient` is named in Received only when the message came for it alone, so that no
    /// recipient learns of another (RFC 5321 section 7.2). Ends with an empty line when the content
    /// has no header, so that its first line does not become one.
    package static func render(
        id: MessageID, time: EventTime, received: MessageReceived, recipient: Mailbox?,
        content: [UInt8]
    ) -> [UInt8] {
        let session = received.session
        var octets: [UInt8] = []
        octets.reserveCapacity(320)
        TraceFields.received(
            ReceivedField(
                clientName: session.clientName, clientAddress: session.clientAddress,
                serverName: session.serverName, transmissionType: session.transmissionType, id: id,
                recipient: received.recipientCount == 1 ? recipient : nil, time: time,
                tlsVersion: session.tlsVersion, tlsCipher: session.tlsCipher),
            into: &octets)
        if received.suppliedFields.contains(.messageID) {
            TraceFields.messageID(
                id, receivedAt: time, serverName: session.serverName, into: &octets)
        }
        if received.suppliedFields.contains(.date) {
            TraceFields.date(time, into: &octets)
        }
        if !beginsAsMessage(content) { octets.append(contentsOf: [0x0D, 0x0A]) }
        return octets
    }

    /// Whether the content begins with a field or with the empty line before a body (RFC 5322
    /// section 2.2).
    private static func beginsAsMessage(_ content: [UInt8]) -> Bool {
        guard let first = content.first, first != 0x0D, first != 0x0A else { return true }
        var nameHasEnded = false
        for octet in content {
            if octet == 0x3A { return first != 0x3A }
            // Spaces may stand before the colon of an old-fashioned field (section 4.5).
            if octet == 0x20 || octet == 0x09 {
                nameHasEnded = true
            } else if nameHasEnded || !(0x21...0x7E).contains(octet) {
                return false
            }
        }
        return false
    }
}
