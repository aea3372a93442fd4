import MailModel
import MessageFormat
import Testing

private let time = EventTime(microseconds: 1_795_254_087_000_123)
private let id = MessageID(epoch: 1, sequence: 3689)

private func field(_ received: ReceivedField) -> String {
    var out: [UInt8] = []
    TraceFields.received(received, into: &out)
    return String(decoding: out, as: UTF8.self)
}

private func received(
    name: String = "out.example.net", address: String = "192.0.2.1",
    type: TransmissionType = .esmtps, recipient: Mailbox? = nil, tls: String = "TLSv1.3",
    cipher: String = ""
) -> ReceivedField {
    ReceivedField(
        clientName: name, clientAddress: address, serverName: "mx.example.org",
        transmissionType: type, id: id, recipient: recipient, time: time, tlsVersion: tls,
        tlsCipher: cipher)
}

@Suite("Trace fields")
struct TraceFieldsTests {
    @Test("RFC 5321 4.4: Received names client, address, server, protocol, id, recipient and time")
    func complete() {
        let recipient = Mailbox(localPart: "ann", domain: "example.org")
        #expect(
            field(received(recipient: recipient, cipher: "TLS_AES_128_GCM_SHA256"))
                == "Received: from out.example.net ([192.0.2.1])\r\n"
                + "\tby mx.example.org (Waybill) with ESMTPS (TLSv1.3 TLS_AES_128_GCM_SHA256)"
                + " id 1-3k9\r\n"
                + "\tfor <ann@example.org>; Sat, 21 Nov 2026 09:41:27 +0000\r\n")
    }

    @Test("RFC 5321 4.1.3: an IPv6 address is a tagged literal; without one recipient no for")
    func variants() {
        #expect(
            field(received(address: "2001:db8::1", type: .esmtp, tls: ""))
                == "Received: from out.example.net ([IPv6:2001:db8::1])\r\n"
                + "\tby mx.example.org (Waybill) with ESMTP id 1-3k9;\r\n"
                + "\tSat, 21 Nov 2026 09:41:27 +0000\r\n")
        #expect(
            field(received(name: "", address: "", type: .local, tls: ""))
                == "Received: by mx.example.org (Waybill) id 1-3k9;\r\n"
                + "\tSat, 21 Nov 2026 09:41:27 +0000\r\n")
    }

    @Test(
        "What a client says of itself cannot leave its place",
        arguments: [
            "a\r\nSubject: forged", "x) by evil (", "a\u{0}b", "é.example", "<script>", "a;b", "",
            String(repeating: "a", count: 4000), "a b", "\u{1B}[31m",
        ])
    func hostileName(name: String) {
        let text = field(received(name: name))
        let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
        #expect(lines.count == 4)
        #expect(lines[0].hasSuffix(" ([192.0.2.1])"))
        #expect(lines[1].hasPrefix("\tby mx.example.org (Waybill) with ESMTPS"))
        #expect(lines.allSatisfy { $0.utf8.count <= 998 })
        #expect(text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F || [9, 10, 13].contains($0) })
        #expect(lines[0].filter { $0 == "(" }.count == 1)
    }

    @Test("RFC 6532: a mailbox in UTF-8 is shown only where the protocol was SMTPUTF8's")
    func utf8Recipient() {
        let recipient = Mailbox(localPart: "jürgen", domain: "example.org")
        #expect(field(received(type: .utf8smtps, recipient: recipient)).contains("for <jürgen@"))
        #expect(!field(received(type: .esmtps, recipient: recipient)).contains("for <"))
    }

    @Test("A recipient's quoted local-part stays whole and on its line")
    func hostileRecipient() {
        let recipient = Mailbox(localPart: "\"a\r\n b>;\"", domain: "example.org")
        let text = field(received(recipient: recipient))
        #expect(text.split(separator: "\r\n").count == 3)
        #expect(text.contains("for <\"a   b>;\"@example.org>; Sat"))
    }

    @Test(
        "RFC 5322 3.3: dates, leap days and the turn of the year included",
        arguments: [
            (0, "Thu, 1 Jan 1970 00:00:00 +0000"), (951_782_399, "Mon, 28 Feb 2000 23:59:59 +0000"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"),
            (1_767_225_599, "Wed, 31 Dec 2025 23:59:59 +0000"),
            (4_102_444_800, "Fri, 1 Jan 2100 00:00:00 +0000"),
        ] as [(Int64, String)])
    func dates(seconds: Int64, expected: String) {
        var out: [UInt8] = []
        TraceFields.date(EventTime(microseconds: seconds * 1_000_000), into: &out)
        #expect(String(decoding: out, as: UTF8.self) == "Date: \(expected)\r\n")
    }

    @Test("RFC 5322 3.6.4: a supplied Message-ID differs for the same id received at another time")
    func messageID() {
        func render(_ time: EventTime) -> String {
            var out: [UInt8] = []
            TraceFields.messageID(id, receivedAt: time, serverName: "mx.example.org", into: &out)
            return String(decoding: out, as: UTF8.self)
        }
        #expect(render(EventTime(microseconds: 36)) == "Message-ID: <1-3k9.10@mx.example.org>\r\n")
        #expect(render(time) != render(EventTime(microseconds: time.microseconds + 1)))
    }
}
