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
    /// recipient learns of another (RFC 5321 section 7.2).
    package static func render(
        id: MessageID, time: EventTime, received: MessageReceived, recipient: Mailbox?
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
        return octets
    }
}
