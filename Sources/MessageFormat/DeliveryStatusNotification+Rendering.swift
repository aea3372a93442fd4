import MailModel

extension DeliveryStatusNotification {
    /// The message to be queued, with a null reverse-path.
    ///
    /// ```
    /// Content-Type: multipart/report; report-type=delivery-status; boundary="..."
    ///     text/plain                  for people
    ///     message/delivery-status     for programs (RFC 3464)
    ///     message/rfc822              the message, or text/rfc822-headers: its header
    /// ```
    package func rendered() -> RenderedNotification {
        precondition(!recipients.isEmpty, "a notification about nobody")
        let returned = ReturnedContent(self)
        let isGlobal = needsUTF8(returned)
        let report = NotificationReport(self, isGlobal: isGlobal)
        var text: [UInt8] = []
        report.appendText(hasReturned: returned.isPresent, to: &text)
        var status: [UInt8] = []
        report.appendStatus(to: &status)
        let boundary = boundary(notIn: [text, status, returned.octets])
        let isEightBit = isGlobal || !returned.isASCII

        var out: [UInt8] = []
        out.reserveCapacity(2048 + text.count + status.count + returned.octets.count)
        appendHeader(boundary, isGlobal: isGlobal, isEightBit: isEightBit, to: &out)
        appendPart(
            boundary, isGlobal ? "text/plain; charset=utf-8" : "text/plain; charset=us-ascii",
            "Notification", text, isEightBit: isGlobal, to: &out)
        appendPart(
            boundary,
            isGlobal ? "message/global-delivery-status" : "message/delivery-status",
            "Delivery report", status, isEightBit: isGlobal, to: &out)
        if returned.isPresent {
            appendPart(
                boundary, returned.mediaType(isGlobal: isGlobal), returned.description,
                returned.octets, isEightBit: !returned.isASCII, to: &out)
        }
        out.append(contentsOf: "--\(boundary)--\r\n".utf8)
        return RenderedNotification(
            content: out, body: isEightBit ? .eightBitMIME : .sevenBit, smtpUTF8: isGlobal)
    }

    /// Whether anything in it can only be said in UTF-8 (RFC 6533). What was merely declared
    /// SMTPUTF8 and holds nothing but ASCII is reported in ASCII, which every next hop takes.
    private func needsUTF8(_ returned: ReturnedContent) -> Bool {
        guard smtpUTF8 else { return false }
        return !returned.headerIsASCII || !Self.isASCII(to.description)
            || recipients.contains {
                !Self.isASCII($0.mailbox.description)
                    || !(XText.decode($0.originalRecipient) ?? []).allSatisfy { $0 < 0x80 }
            }
    }

    private static func isASCII(_ text: String) -> Bool { text.utf8.allSatisfy { $0 < 0x80 } }

    /// A line that is in none of the parts: who made the message knows its id beforehand, and must
    /// not be able to write parts of ours.
    private func boundary(notIn parts: [[UInt8]]) -> String {
        var number = 0
        while true {
            let boundary = "waybill-\(message)-\(number)"
            if !parts.contains(where: { Self.hasLine(beginning: "--" + boundary, in: $0) }) {
                return boundary
            }
            number += 1
        }
    }

    private static func hasLine(beginning start: String, in octets: [UInt8]) -> Bool {
        let start = Array(start.utf8)
        var isLineStart = true
        for index in octets.indices {
            if isLineStart, octets[index] == start[0], octets[index...].starts(with: start) {
                return true
            }
            isLineStart = octets[index] == 0x0A || octets[index] == 0x0D
        }
        return false
    }

    private func appendHeader(
        _ boundary: String, isGlobal: Bool, isEightBit: Bool, to out: inout [UInt8]
    ) {
        out.append(contentsOf: "From: Mail Delivery System <MAILER-DAEMON@".utf8)
        HeaderText.append(reportingMTA, utf8Allowed: isGlobal, to: &out)
        out.append(contentsOf: ">\r\nTo: <".utf8)
        HeaderText.append(to.description, utf8Allowed: isGlobal, to: &out)
        out.append(contentsOf: ">\r\nSubject: \(subject)\r\n".utf8)
        TraceFields.date(time, into: &out)
        if let original = originalMessageID {
            out.append(contentsOf: "In-Reply-To: \(original)\r\n".utf8)
            out.append(contentsOf: "References: \(original)\r\n".utf8)
        }
        // RFC 3834 section 5: so that nothing answers it.
        out.append(contentsOf: "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n".utf8)
        let type = isGlobal ? "global-delivery-status" : "delivery-status"
        out.append(contentsOf: "Content-Type: multipart/report; report-type=\(type);\r\n".utf8)
        out.append(contentsOf: "\tboundary=\"\(boundary)\"\r\n".utf8)
        if isEightBit { out.append(contentsOf: "Content-Transfer-Encoding: 8bit\r\n".utf8) }
        out.append(
            contentsOf: "\r\nThis is a MIME-encapsulated delivery status notification.\r\n\r\n".utf8
        )
    }

    private var subject: String {
        if recipients.contains(where: { $0.action == .failed }) {
            return "Undelivered Mail Returned to Sender"
        }
        return recipients.contains { $0.action == .delayed }
            ? "Delayed Mail (still being retried)" : "Successful Mail Delivery Report"
    }

    /// Of the message reported on, when it can be put into a field of ours as it is.
    private var originalMessageID: String? {
        let id = HeaderScan(prologue).messageID ?? HeaderScan(content).messageID
        guard let id, id.utf8.count <= 250, id.hasPrefix("<"), id.hasSuffix(">"),
            id.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return nil }
        return id
    }

    private func appendPart(
        _ boundary: String, _ type: String, _ description: String, _ octets: [UInt8],
        isEightBit: Bool, to out: inout [UInt8]
    ) {
        out.append(contentsOf: "--\(boundary)\r\nContent-Description: \(description)\r\n".utf8)
        out.append(contentsOf: "Content-Type: \(type)\r\n".utf8)
        if isEightBit { out.append(contentsOf: "Content-Transfer-Encoding: 8bit\r\n".utf8) }
        out.append(contentsOf: "\r\n".utf8)
        out.append(contentsOf: octets)
        out.append(
            contentsOf: octets.last == 0x0A || octets.isEmpty ? "\r\n".utf8 : "\r\n\r\n".utf8)
    }
}
