import Glibc
import MailModel
import MessageFormat
import Testing

private func text(_ name: String) throws -> String {
    let sample = try #require(NotificationSamples.all.first { $0.name == name })
    return String(decoding: sample.notification.rendered().content, as: UTF8.self)
}

/// The parts of a multipart, by a simple reading of RFC 2046 section 5.1.
private func parts(_ message: String) throws -> (header: String, parts: [String]) {
    let start = try #require(message.firstRange(of: "boundary=\""))
    let boundary = message[start.upperBound...].prefix { $0 != "\"" }
    let pieces = ("\r\n" + message).split(
        separator: "\r\n--\(boundary)", omittingEmptySubsequences: false)
    #expect(pieces.last == "--\r\n")
    return (String(pieces[0]), pieces.dropFirst().dropLast().map { String($0.dropFirst(1)) })
}

@Suite("Delivery status notifications")
struct DeliveryStatusNotificationTests {
    @Test("RFC 3464 2: the whole of a simple failure")
    func failure() throws {
        let (header, parts) = try parts(text("failed-full"))
        #expect(
            header.hasPrefix(
                """
                \r\nFrom: Mail Delivery System <MAILER-DAEMON@mx.example.org>\r
                To: <ann@example.net>\r
                Subject: Undelivered Mail Returned to Sender\r
                Date: Sat, 21 Nov 2026 10:41:27 +0000\r
                In-Reply-To: <hello@example.net>\r
                References: <hello@example.net>\r
                Auto-Submitted: auto-replied\r
                MIME-Version: 1.0\r
                Content-Type: multipart/report; report-type=delivery-status;\r
                \tboundary="waybill-1-3k9-0"\r
                \r\n
                """))
        #expect(parts.count == 3)
        #expect(
            parts[1] == """
                Content-Description: Delivery report\r
                Content-Type: message/delivery-status\r
                \r
                Reporting-MTA: dns; mx.example.org\r
                Original-Envelope-Id: QQ 314159\r
                X-Waybill-Message-Id: 1-3k9\r
                Arrival-Date: Sat, 21 Nov 2026 09:41:27 +0000\r
                \r
                Original-Recipient: rfc822; Ben+x@example.com\r
                Final-Recipient: rfc822; ben@example.com\r
                Action: failed\r
                Status: 5.1.1\r
                Remote-MTA: dns; mx.example.com\r
                Diagnostic-Code: smtp; 550 5.1.1 no such user see https://example.com/u\r
                Last-Attempt-Date: Sat, 21 Nov 2026 10:41:27 +0000\r\n
                """)
        #expect(parts[2].hasPrefix("Content-Description: Undelivered message\r\n"))
        #expect(parts[2].contains("Content-Type: message/rfc822\r\n\r\nReceived: from a by b"))
        #expect(parts[2].hasSuffix("\r\n\r\nhello\r\n"))
    }

    @Test("RFC 3461 4.3: RET=HDRS, and no RET, return the header alone")
    func headers() throws {
        for name in ["failed", "failed-headers"] {
            let returned = try #require(try parts(text(name)).parts.last)
            #expect(returned.contains("Content-Type: text/rfc822-headers\r\n"))
            #expect(returned.contains("Subject: hi\r\n"))
            #expect(!returned.contains("hello\r\n"))
        }
    }

    @Test("RFC 3461 4.3: RET is about failures; a delay returns the header alone")
    func delay() throws {
        let (header, parts) = try parts(text("delayed"))
        #expect(header.contains("Subject: Delayed Mail (still being retried)\r\n"))
        #expect(parts[1].contains("Action: delayed\r\nStatus: 4.7.1\r\n"))
        #expect(parts[1].contains("Will-Retry-Until: Thu, 26 Nov 2026 09:41:27 +0000\r\n"))
        #expect(parts[2].contains("text/rfc822-headers"))
    }

    @Test("RFC 3464 2.3: several recipients, each with its own fields and action")
    func mixed() throws {
        let (_, parts) = try parts(text("mixed"))
        let actions = parts[1].split(separator: "\r\n").filter { $0.hasPrefix("Action: ") }
        #expect(
            actions == ["Action: failed", "Action: failed", "Action: delayed", "Action: relayed"])
        #expect(
            parts[1].contains("Status: 4.4.7\r\nDiagnostic-Code: x-waybill; 421 4.4.7 given up"))
        #expect(parts[1].contains("Action: relayed\r\nStatus: 2.0.0\r\n"))
        for words in ["could not be delivered", "has not been delivered", "was passed to"] {
            #expect(parts[0].contains(words))
        }
    }

    @Test("RFC 6533: addresses in UTF-8 make it a global notification, to be sent with SMTPUTF8")
    func utf8() throws {
        let sample = try #require(NotificationSamples.all.first { $0.name == "utf8" })
        let rendered = sample.notification.rendered()
        #expect(rendered.smtpUTF8)
        #expect(rendered.body == .eightBitMIME)
        let (header, parts) = try parts(text("utf8"))
        #expect(header.contains("report-type=global-delivery-status"))
        #expect(parts[0].contains("charset=utf-8"))
        #expect(parts[1].contains("Content-Type: message/global-delivery-status\r\n"))
        #expect(parts[1].contains("Original-Recipient: utf-8; jürgen@bücher.example\r\n"))
        #expect(parts[1].contains("Final-Recipient: utf-8; jürgen@bücher.example\r\n"))
        #expect(parts[1].contains("Final-Recipient: rfc822; ben@example.com\r\n"))
        #expect(parts[2].contains("Content-Type: message/global\r\n"))
    }

    @Test("A message merely declared SMTPUTF8 is reported in ASCII")
    func declaredUTF8() throws {
        let sample = try #require(NotificationSamples.all.first { $0.name == "utf8-ascii-only" })
        let rendered = sample.notification.rendered()
        #expect(!rendered.smtpUTF8)
        #expect(rendered.body == .sevenBit)
        #expect(rendered.content == NotificationSamples.notification().rendered().content)
    }

    @Test("8-bit content makes an 8-bit notification; binary content is never returned whole")
    func bodies() throws {
        let sample = try #require(NotificationSamples.all.first { $0.name == "eight-bit" })
        let rendered = sample.notification.rendered()
        #expect(rendered.body == .eightBitMIME)
        #expect(!rendered.smtpUTF8)
        let message = try text("eight-bit")
        #expect(message.contains("message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n"))
        #expect(try text("binary").contains("text/rfc822-headers"))
        #expect(try !text("binary").contains("\u{0}"))
    }

    @Test("A large message is not returned whole; no message at all makes two parts")
    func sizes() throws {
        let large = try text("large")
        #expect(large.utf8.count < 4096)
        #expect(large.contains("text/rfc822-headers"))
        #expect(try parts(text("no-content")).parts.count == 2)
        let header = String(repeating: "X: 0123456789\r\n", count: 6000)
        let cut = NotificationSamples.notification(content: header + "\r\n").rendered().content
        #expect(cut.count < MessageLimits.returnedOctets + 4096)
        #expect(
            String(decoding: cut, as: UTF8.self).contains("0123456789\r\n\r\n--waybill-1-3k9-0--"))
    }

    @Test("RFC 3461 4.3: how large a message is returned whole is its maker's to say")
    func returnedSize() {
        let content = "Subject: x\r\n\r\n" + String(repeating: "0123456789\r\n", count: 10_000)
        let octets = content.utf8.count + NotificationSamples.prologue.utf8.count
        var notification = NotificationSamples.notification(
            returnContent: .full, content: content)
        notification.returnedOctetsMax = octets
        #expect(notification.rendered().content.count > octets)
        notification.returnedOctetsMax = octets - 1
        #expect(notification.rendered().content.count < 4096)
        // The header is there however little is wanted.
        notification.returnedOctetsMax = 0
        let cut = String(decoding: notification.rendered().content, as: UTF8.self)
        #expect(cut.contains("text/rfc822-headers") && cut.contains("Subject: x\r\n"))
    }

    @Test("What peers and senders wrote can neither add a field nor a part, nor a long line")
    func hostile() throws {
        let message = try text("hostile")
        let (header, parts) = try parts(message)
        #expect(parts.count == 3)
        #expect(header.contains("boundary=\"waybill-1-3k9-2\""))
        #expect(!message.contains("\r\nX-Forged"))
        for line in message.split(separator: "\r\n", omittingEmptySubsequences: false) {
            #expect(line.utf8.count <= 998)
            #expect(!line.utf8.contains { $0 == 0x0D || $0 == 0x0A })
        }
    }

    @Test(
        "RFC 3464 2.3.4: Status has the class of the action",
        arguments: [
            (DSNAction.failed, Reply(550, nil, "x"), "5.0.0"),
            (.failed, Reply(451, nil, "x"), "4.0.0"),
            (.failed, Reply(250, EnhancedStatusCode(2, 0, 0), "x"), "5.0.0"),
            (.delayed, Reply(550, EnhancedStatusCode(5, 1, 1), "x"), "4.0.0"),
            (.relayed, Reply(250, nil, "x"), "2.0.0"),
            (.delivered, Reply(250, EnhancedStatusCode(2, 1, 5), "x"), "2.1.5"),
        ])
    func status(action: DSNAction, reply: Reply, expected: String) throws {
        var recipient = NotificationSamples.failed
        recipient.action = action
        recipient.reply = reply
        let message = NotificationSamples.notification(recipients: [recipient]).rendered()
        #expect(
            String(decoding: message.content, as: UTF8.self).contains("Status: \(expected)\r\n"))
    }

    @Test("The same values give the same octets, and every sample is well formed")
    func samples() throws {
        for (name, notification) in NotificationSamples.all {
            let rendered = notification.rendered()
            #expect(rendered.content == notification.rendered().content)
            #expect(rendered.smtpUTF8 || rendered.body != .sevenBit || isASCII(rendered.content))
            _ = try parts(String(decoding: rendered.content, as: UTF8.self))
            if let directory = unsafe getenv("WAYBILL_DSN_SAMPLES") {
                try write(rendered.content, to: unsafe String(cString: directory) + "/\(name).eml")
            }
        }
    }

    private func isASCII(_ octets: [UInt8]) -> Bool { octets.allSatisfy { $0 < 0x80 } }

    private func write(_ octets: [UInt8], to path: String) throws {
        let written = unsafe fopen(path, "w").map { file in
            defer { unsafe fclose(file) }
            return unsafe fwrite(octets, 1, octets.count, file)
        }
        #expect(written == octets.count, "cannot write \(path)")
    }
}
