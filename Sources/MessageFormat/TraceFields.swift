package import MailModel

/// Header fields written when a message is sent: Received, and what the content lacks.
package enum TraceFields {
    /// `Received:` in RFC 5321 section 4.4's form, folded, with its CRLF.
    ///
    /// ```
    /// Received: from out.example.net ([192.0.2.1])
    ///  by mx.example.org (Waybill) with ESMTPS id 1-3k9
    ///  for <ann@example.org>; Sat, 21 Nov 2026 09:41:27 +0000
    /// ```
    package static func received(_ received: ReceivedField, into out: inout [UInt8]) {}

    /// `Message-ID: <1-3k9@mx.example.org>`, with its CRLF.
    package static func messageID(
        _ id: MessageID, serverName: String, into out: inout [UInt8]
    ) {}

    /// `Date: Sat, 21 Nov 2026 09:41:27 +0000`, with its CRLF.
    package static func date(_ time: EventTime, into out: inout [UInt8]) {}
}

/// What a Received field says.
package struct ReceivedField: Sendable {
    /// The argument of EHLO; whatever a domain cannot hold is replaced.
    package var clientName: String
    /// IP address text; empty for a message made here.
    package var clientAddress: String
    package var serverName: String
    package var transmissionType: TransmissionType
    package var id: MessageID
    /// Shown in `for`; nil when there is more than one, so that none learns of the others.
    package var recipient: Mailbox?
    package var time: EventTime
    /// For example `TLSv1.3`; empty without TLS.
    package var tlsVersion: String
    package var tlsCipher: String

    /// Creates the values of a Received field.
    package init(
        clientName: String, clientAddress: String, serverName: String,
        transmissionType: TransmissionType, id: MessageID, recipient: Mailbox? = nil,
        time: EventTime, tlsVersion: String = "", tlsCipher: String = ""
    ) {
        self.clientName = clientName
        self.clientAddress = clientAddress
        self.serverName = serverName
        self.transmissionType = transmissionType
        self.id = id
        self.recipient = recipient
        self.time = time
        self.tlsVersion = tlsVersion
        self.tlsCipher = tlsCipher
    }
}
