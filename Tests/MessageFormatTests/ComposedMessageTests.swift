import Testing

@testable import MessageFormat

@Suite("Composed messages")
struct ComposedMessageTests {
    private func text(_ message: ComposedMessage) -> String {
        String(decoding: message.render(), as: UTF8.self)
    }

    private func field(_ name: String, _ value: ComposedField.Value) -> String {
        var out: [UInt8] = []
        ComposedField(name, value).append(to: &out)
        return String(decoding: out, as: UTF8.self)
    }

    @Test("RFC 2045: plain short text goes as it is")
    func plain() {
        let message = ComposedMessage(
            fields: [ComposedField("Subject", .text("Hello"))], text: "Hi\nthere")
        #expect(
            text(message)
                == "Subject: Hello\r\nMIME-Version: 1.0\r\n"
                + "Content-Type: text/plain; charset=us-ascii\r\n"
                + "Content-Transfer-Encoding: 7bit\r\n\r\nHi\r\nthere\r\n")
    }

    @Test("RFC 2046 5.1: text, HTML, inline and other attachments stand in each other")
    func structure() {
        let image = Attachment(
            contentType: "image/png", contentID: "logo", isInline: true, octets: [1, 2, 3])
        let file = Attachment(
            contentType: "application/pdf", fileName: "a \"b\".pdf", octets: [4])
        let whole = text(
            ComposedMessage(text: "t", html: "<p>h</p>", attachments: [image, file]))
        let order = [
            "multipart/mixed", "multipart/alternative", "text/plain", "multipart/related",
            "text/html", "image/png", "application/pdf",
        ].map { whole.firstRange(of: $0)?.lowerBound ?? whole.endIndex }
        #expect(order == order.sorted())
        #expect(!order.contains(whole.endIndex))
        #expect(whole.contains("Content-ID: <logo>\r\n"))
        #expect(whole.contains("Content-Disposition: inline\r\n"))
        #expect(whole.contains(";\r\n filename=\"a \\\"b\\\".pdf\"\r\n"))
        for kind in ["mixed", "alternative", "related"] {
            let closing = whole.split(separator: "\r\n").filter {
                $0.hasPrefix("--=_\(kind)_") && $0.hasSuffix("--")
            }
            #expect(closing.count == 1)
        }
    }

    @Test("RFC 2046 5.1.1: no text can end a part: what looks like a boundary is encoded")
    func boundaries() {
        let message = ComposedMessage(text: "x", html: "<p>--=_alternative_abc--</p>")
        let whole = text(message)
        #expect(!whole.contains("<p>--=_"))
        #expect(whole.contains("=3D_alternative"))
    }

    @Test("The same description gives the same octets, another one other boundaries")
    func deterministic() {
        let one = ComposedMessage(text: "a", html: "b")
        let two = ComposedMessage(text: "a", html: "c")
        #expect(one.render() == one.render())
        let boundaries = [one, two].map { message in
            text(message).split(separator: "\r\n").first { $0.hasPrefix("--") }
        }
        #expect(boundaries[0] != boundaries[1])
    }

    @Test("RFC 2045 6.7: quoted-printable lines are short, decode to the text, end in no space")
    func quotedPrintable() throws {
        let lines = [
            "", "a=b", "trailing ", "tab\t", "ä", String(repeating: "x", count: 200),
            String(repeating: "é", count: 60), "From here", ".", "a\u{0}b",
        ]
        let octets = TransferEncoding.canonical(lines.joined(separator: "\n"))
        var out: [UInt8] = []
        TransferEncoding.appendQuotedPrintable(octets, to: &out)
        let encoded = String(decoding: out, as: UTF8.self)
        for line in encoded.split(separator: "\r\n", omittingEmptySubsequences: false) {
            #expect(line.utf8.count <= 76)
            #expect(line.last != " " && line.last != "\t")
            #expect(line.utf8.allSatisfy { $0 == 0x09 || ($0 >= 0x20 && $0 < 0x7F) })
        }
        #expect(decodeQuotedPrintable(encoded) == octets)
    }

    @Test("RFC 2045 6.8: base 64 comes in lines of 76")
    func base64() {
        let encoded = TransferEncoding.base64(Array(repeating: 0xFF, count: 100))
        let lines = String(decoding: encoded, as: UTF8.self).split(separator: "\r\n")
        #expect(lines.map(\.utf8.count) == [76, 60])
        #expect(TransferEncoding.base64([]).isEmpty)
        #expect(String(decoding: TransferEncoding.base64([0x66]), as: UTF8.self) == "Zg==\r\n")
    }

    @Test("RFC 2047: text that is not ASCII becomes encoded words of at most 75 octets")
    func encodedWords() {
        #expect(field("Subject", .text("Grüße")) == "Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\n")
        #expect(
            field("Subject", .text("A long and plain sentence with one ü in it"))
                == "Subject: A long and plain sentence with one =?utf-8?B?w7w=?= in it\r\n")
        let long = field("Subject", .text(String(repeating: "日本語", count: 40)))
        for line in long.split(separator: "\r\n") {
            #expect(line.utf8.count <= 78)
        }
        for word in long.split(whereSeparator: { $0 == " " || $0 == "\r\n" }).dropFirst() {
            #expect(word.utf8.count <= 75)
            #expect(word.hasPrefix("=?utf-8?B?") && word.hasSuffix("?="))
        }
    }

    @Test("RFC 2047 6.2: the space between two encoded words is within them")
    func neighbouringWords() {
        #expect(
            field("Subject", .text("für über"))
                == "Subject: \(EncodedWords.encode("für über").joined(separator: " "))\r\n")
    }

    @Test("RFC 5322 2.1.1: fields are folded at 78 octets")
    func folding() {
        let words = Array(repeating: "word", count: 40).joined(separator: " ")
        let folded = field("Subject", .text(words))
        #expect(folded.split(separator: "\r\n").allSatisfy { $0.utf8.count <= 78 })
        #expect(folded.replacing("\r\n ", with: " ") == "Subject: \(words)\r\n")
    }

    @Test("RFC 5322 3.4: names are atoms, quoted, or encoded")
    func mailboxes() {
        #expect(
            field("From", .mailboxes([NamedMailbox(name: "Ann B", address: "a@b.c")]))
                == "From: Ann B <a@b.c>\r\n")
        #expect(
            field("From", .mailboxes([NamedMailbox(name: "B, \"Ann\"", address: "a@b.c")]))
                == "From: \"B, \\\"Ann\\\"\" <a@b.c>\r\n")
        #expect(
            field(
                "To",
                .mailboxes([
                    NamedMailbox(name: "Jürgen", address: "j@b.c"), NamedMailbox(address: "k@b.c"),
                ])) == "To: =?utf-8?B?SsO8cmdlbg==?= <j@b.c>, k@b.c\r\n")
    }

    @Test("No value ends its field: control characters become spaces")
    func injection() {
        let out = field("Subject", .text("a\r\nBcc: x@y.z"))
        #expect(out == "Subject: a Bcc: x@y.z\r\n")
        let name = field("From", .mailboxes([NamedMailbox(name: "a\r\nX: y", address: "a@b.c")]))
        #expect(name.split(separator: "\r\n").count == 1)
        #expect(!ComposedField.isName("A:B"))
        #expect(!ComposedField.isName("A B"))
        #expect(!ComposedField.isName(""))
        #expect(ComposedField.isName("List-Unsubscribe"))
    }

    @Test("RFC 2231: a file name that is not ASCII is encoded in pieces")
    func fileName() {
        let attachment = Attachment(
            contentType: "nonsense", fileName: String(repeating: "ü", count: 20) + ".pdf",
            octets: [1])
        let whole = text(ComposedMessage(text: "x", attachments: [attachment]))
        #expect(whole.contains(";\r\n filename*0*=utf-8''%C3%BC"))
        #expect(whole.contains(";\r\n filename*1*="))
        #expect(whole.contains("Content-Type: application/octet-stream\r\n"))
        #expect(whole.split(separator: "\r\n").allSatisfy { $0.utf8.count <= 78 })
    }

    @Test("Every line end becomes CRLF")
    func lineEndings() {
        #expect(
            LineEndings.canonical(Array("a\nb\rc\r\nd\n\ne".utf8))
                == Array("a\r\nb\r\nc\r\nd\r\n\r\ne".utf8))
    }

    private func decodeQuotedPrintable(_ text: String) -> [UInt8] {
        var octets: [UInt8] = []
        var rest = text.replacing("=\r\n", with: "").utf8[...]
        while let octet = rest.popFirst() {
            guard octet == 0x3D else {
                octets.append(octet)
                continue
            }
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            rest = rest.dropFirst(2)
            octets.append(UInt8(digits, radix: 16) ?? 0)
        }
        return octets
    }
}
