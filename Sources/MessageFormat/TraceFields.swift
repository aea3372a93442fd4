package import MailModel

/// Header fields written when a message is sent: Received, and what the content lacks.
///
/// Whatever the client said is written so that it can neither end a line nor leave its place.
package enum TraceFields {
    /// `Received:` in RFC 5321 section 4.4's form, folded, with its CRLF.
    ///
    /// ```
    /// Received: from out.example.net ([192.0.2.1])
    ///     by mx.example.org (Waybill) with ESMTPS (TLSv1.3) id 1-3k9
    ///     for <ann@example.org>; Sat, 21 Nov 2026 09:41:27 +0000
    /// ```
    package static func received(_ received: ReceivedField, into out: inout [UInt8]) {
        out.reserveCapacity(out.count + 320)
        out.append(contentsOf: "Received: ".utf8)
        if !received.clientAddress.isEmpty || !received.clientName.isEmpty {
            out.append(contentsOf: "from ".utf8)
            appendName(received.clientName, to: &out)
            if !received.clientAddress.isEmpty {
                // RFC 5321 section 4.1.3: an IPv6 literal says so.
                out.append(
                    contentsOf: received.clientAddress.utf8.contains(0x3A)
                        ? " ([IPv6:".utf8 : " ([".utf8)
                appendName(received.clientAddress, to: &out)
                out.append(contentsOf: "])".utf8)
            }
            out.append(contentsOf: "\r\n\t".utf8)
        }
        out.append(contentsOf: "by ".utf8)
        appendName(received.serverName, to: &out)
        out.append(contentsOf: " (Waybill)".utf8)
        if received.transmissionType != .local {
            out.append(contentsOf: " with ".utf8)
            out.append(contentsOf: received.transmissionType.keyword.utf8)
        }
        if !received.tlsVersion.isEmpty {
            out.append(contentsOf: " (".utf8)
            appendName(received.tlsVersion, to: &out)
            if !received.tlsCipher.isEmpty {
                out.append(0x20)
                appendName(received.tlsCipher, to: &out)
            }
            out.append(0x29)
        }
        out.append(contentsOf: " id ".utf8)
        out.append(contentsOf: received.id.description.utf8)
        if let recipient = received.recipient, received.mayShow(recipient) {
            out.append(contentsOf: "\r\n\tfor <".utf8)
            HeaderText.append(recipient.description, to: &out)
            out.append(contentsOf: ">; ".utf8)
        } else {
            out.append(contentsOf: ";\r\n\t".utf8)
        }
        MailDate.append(received.time, to: &out)
        out.append(contentsOf: "\r\n".utf8)
    }

    /// `Message-ID: <1-3k9.1xk7q0c5b3@mx.example.org>`, with its CRLF.
    ///
    /// The message's id names it within one log only; with the time it was received, it is unique
    /// though a server's log be begun anew, as RFC 5322 section 3.6.4 demands.
    package static func messageID(
        _ id: MessageID, receivedAt time: EventTime, serverName: String, into out: inout [UInt8]
    ) {
        out.append(contentsOf: "Message-ID: <".utf8)
        out.append(contentsOf: id.description.utf8)
        out.append(0x2E)
        out.append(contentsOf: String(UInt64(bitPattern: time.microseconds), radix: 36).utf8)
        out.append(0x40)
        appendName(serverName, to: &out)
        out.append(contentsOf: ">\r\n".utf8)
    }

    /// `Date: Sat, 21 Nov 2026 09:41:27 +0000`, with its CRLF.
    package static func date(_ time: EventTime, into out: inout [UInt8]) {
        out.append(contentsOf: "Date: ".utf8)
        MailDate.append(time, to: &out)
        out.append(contentsOf: "\r\n".utf8)
    }

    /// A host's name or address: whatever neither can hold becomes `?`.
    private static func appendName(_ name: String, to out: inout [UInt8]) {
        guard !name.isEmpty else {
            out.append(contentsOf: "unknown".utf8)
            return
        }
        for byte in name.utf8.prefix(MessageLimits.clientNameOctets) {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x3A, 0x5B, 0x5D, 0x5F:
                out.append(byte)
            default: out.append(0x3F)
            }
        }
    }
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

    /// A mailbox in UTF-8 may only stand in the header of an internationalised message (RFC 6532).
    fileprivate func mayShow(_ recipient: Mailbox) -> Bool {
        switch transmissionType {
        case .utf8smtp, .utf8smtpa, .utf8smtps, .utf8smtpsa: true
        case .local, .smtp, .esmtp, .esmtpa, .esmtps, .esmtpsa, .http:
            !recipient.localPart.utf8.contains { $0 >= 0x80 }
                && !recipient.domain.utf8.contains { $0 >= 0x80 }
        }
    }
}
