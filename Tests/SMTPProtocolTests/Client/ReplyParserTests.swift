import MailModel
import NIOCore
import SMTPProtocol
import Testing
import WaybillTesting

/// The replies in a text, and how it ended.
private func parse(
    _ text: [UInt8], pieceOctets: Int = .max
) -> (replies: [Reply], last: ReplyParser.Outcome) {
    var parser = ReplyParser()
    var input = ByteBuffer()
    var replies: [Reply] = []
    var rest = text[...]
    while !rest.isEmpty {
        input.writeBytes(rest.prefix(pieceOctets))
        rest = rest.dropFirst(pieceOctets)
        while true {
            let outcome = parser.read(&input)
            if case .malformed = outcome { return (replies, outcome) }
            guard outcome == .complete else { break }
            replies.append(parser.reply())
        }
    }
    return (replies, .needMore)
}

private func reply(_ text: String) -> Reply? { parse(Array(text.utf8)).replies.first }

@Suite("Client: replies")
struct ReplyParserTests {
    @Test(
        "RFC 5321 4.2: code and text, with and without either line ending",
        arguments: [
            ("250 ok\r\n", Reply(250, nil, "ok")), ("250\r\n", Reply(250, nil, "")),
            ("250 \r\n", Reply(250, nil, "")), ("250 ok\n", Reply(250, nil, "ok")),
            ("599 x\r\n", Reply(599, nil, "x")),
            ("250-a\r\n250-\r\n250 c\r\n", Reply(250, nil, "a\n\nc")),
            ("250-a\r\n250\r\n", Reply(250, nil, "a\n")),
        ])
    func plain(text: String, expected: Reply) {
        #expect(reply(text) == expected)
    }

    @Test(
        "RFC 2034 4: an enhanced status code is split off when its class is the code's",
        arguments: [
            ("250 2.1.5 ok\r\n", Reply(250, EnhancedStatusCode(2, 1, 5), "ok")),
            ("550 5.1.1\r\n", Reply(550, EnhancedStatusCode(5, 1, 1), "")),
            ("421 4.7.28 x\r\n", Reply(421, EnhancedStatusCode(4, 7, 28), "x")),
            ("550 4.1.1 ok\r\n", Reply(550, nil, "4.1.1 ok")),
            ("250 2.1 ok\r\n", Reply(250, nil, "2.1 ok")),
            ("250 2.1.5ok\r\n", Reply(250, nil, "2.1.5ok")),
            ("250 2.1.5. ok\r\n", Reply(250, nil, "2.1.5. ok")),
            ("354 3.0.0 go\r\n", Reply(354, nil, "3.0.0 go")),
            (
                "550-5.7.1 no\r\n550-5.7.1\r\n550 5.7.1 way\r\n",
                Reply(550, EnhancedStatusCode(5, 7, 1), "no\n\nway")
            ),
            (
                "550-5.7.1 no\r\n550 way\r\n", Reply(550, EnhancedStatusCode(5, 7, 1), "no\nway")
            ),
            ("550-no\r\n550 5.7.1 way\r\n", Reply(550, nil, "no\n5.7.1 way")),
        ])
    func enhanced(text: String, expected: Reply) {
        #expect(reply(text) == expected)
    }

    @Test("Octets that are not printable ASCII become question marks, whatever they are")
    func sanitised() {
        let octets =
            Array("250 a".utf8) + [0x00, 0x1B, 0x7F, 0x80, 0xC3, 0xA9, 0x0D]
            + Array("b\tc\r\n".utf8)
        #expect(parse(octets).replies == [Reply(250, nil, "a???????b c")])
    }

    @Test(
        "What is not a reply is told as such",
        arguments: [
            ("hello\r\n", ReplySyntaxError.noCode), ("25 ok\r\n", .noCode), ("\r\n", .noCode),
            ("2500 ok\r\n", .noCode), ("250_ok\r\n", .noCode), ("199 x\r\n", .impossibleCode(199)),
            ("600 x\r\n", .impossibleCode(600)), ("000 x\r\n", .impossibleCode(0)),
            ("250-a\r\n550 b\r\n", .codesDiffer(250, 550)), ("HTTP/1.1 200 OK\r\n", .noCode),
        ])
    func malformed(text: String, expected: ReplySyntaxError) {
        for pieceOctets in [1, 2, 3, 1000] {
            #expect(
                parse(Array(text.utf8), pieceOctets: pieceOctets).last == .malformed(expected))
        }
    }

    @Test("Limits: a line of 2048 octets and 100 lines are read, more are not")
    func limits() {
        let longest = "250 " + String(repeating: "x", count: ClientLimits.replyLineOctets - 6)
        #expect(reply(longest + "\r\n")?.text.utf8.count == ClientLimits.replyLineOctets - 6)
        #expect(parse(Array((longest + "x\r\n").utf8)).last == .malformed(.lineTooLong))
        #expect(parse(Array((longest + "xxx").utf8)).last == .malformed(.lineTooLong))
        let lines = String(repeating: "250-x\r\n", count: ClientLimits.replyLines - 1)
        #expect(parse(Array((lines + "250 x\r\n").utf8)).replies.count == 1)
        #expect(parse(Array((lines + "250-x\r\n250 x\r\n").utf8)).last == .malformed(.tooManyLines))
    }

    @Test("Of a huge reply only the first octets are kept")
    func kept() {
        let line = "250-" + String(repeating: "x", count: 2000) + "\r\n"
        let text = String(repeating: line, count: 90) + "250 end\r\n"
        let found = parse(Array(text.utf8)).replies
        #expect(found.count == 1)
        #expect((found.first?.text.utf8.count ?? 0) <= ClientLimits.replyTextOctets + 100)
    }

    @Test("Replies are the same wherever they are cut")
    func anyCut() {
        let text = Array(
            "220-a\r\n220 b\r\n250 2.1.0 ok\r\n354 go\r\n550-5.1.1 x\r\n550 5.1.1 y\r\n".utf8)
        let whole = parse(text).replies
        #expect(whole.map(\.code) == [220, 250, 354, 550])
        for pieceOctets in 1...text.count {
            #expect(parse(text, pieceOctets: pieceOctets).replies == whole)
        }
    }

    @Test("Whatever the octets: the same answer in one piece and octet by octet")
    func anyOctets() {
        var random = SeededRandom(seed: 7)
        let pieces = [
            "250", "-", " ", "\r\n", "\n", "\r", "5.1.1", "550", "x", "\u{0}", "é", "99999",
        ]
        for _ in 0..<20_000 {
            var octets: [UInt8] = []
            for _ in 0..<random.below(16) {
                octets.append(contentsOf: Array((random.pick(pieces) ?? "").utf8))
            }
            let whole = parse(octets)
            let split = parse(octets, pieceOctets: 1)
            #expect(whole.replies == split.replies)
            #expect(whole.last == split.last)
            for reply in whole.replies {
                #expect((200...599).contains(reply.code))
                #expect(reply.text.utf8.allSatisfy { $0 == 0x0A || ($0 >= 0x20 && $0 < 0x7F) })
            }
        }
    }
}
