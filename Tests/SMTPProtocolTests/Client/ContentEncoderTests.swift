import NIOCore
import SMTPProtocol
import Testing
import WaybillTesting

/// What goes over the wire, given in slices of the sizes that `cuts` yields.
private func encode(
    _ content: [UInt8], stuffing: Bool = true, sliceOctets: () -> Int = { .max }
) -> [UInt8] {
    var encoder = ContentEncoder(stuffsDots: stuffing)
    var out = ByteBuffer()
    var start = 0
    while start < content.count {
        let end = start + min(max(1, sliceOctets()), content.count - start)
        encoder.encode(content, start..<end, into: &out)
        start = end
    }
    encoder.finish(into: &out)
    return Array(out.readableBytesView)
}

/// What a server makes of `wire` and the final dot: RFC 5321 section 4.5.2, by the letter. nil when
/// the data ends early, or not at all, or a line ends with anything but CRLF.
private func receive(_ wire: [UInt8]) -> [UInt8]? {
    let all = wire + Array(".\r\n".utf8)
    var content: [UInt8] = []
    var line: [UInt8] = []
    for (index, octet) in all.enumerated() {
        guard octet == 0x0A else {
            line.append(octet)
            continue
        }
        guard line.popLast() == 0x0D, !line.contains(0x0D) else { return nil }
        if line == [0x2E] { return index == all.count - 1 ? content : nil }
        content += line.first == 0x2E ? line[1...] : line[...]
        content += [0x0D, 0x0A]
        line = []
    }
    return nil
}

/// Every CRLF, lone CR and lone LF ends a line; the last line ends too.
private func normalised(_ content: [UInt8]) -> [UInt8] {
    var lines: [[UInt8]] = [[]]
    var index = 0
    while index < content.count {
        if content[index] == 0x0D || content[index] == 0x0A {
            if content[index] == 0x0D, index + 1 < content.count, content[index + 1] == 0x0A {
                index += 1
            }
            lines.append([])
        } else {
            lines[lines.count - 1].append(content[index])
        }
        index += 1
    }
    if lines.last == [] { lines.removeLast() }
    return lines.flatMap { $0 + [0x0D, 0x0A] }
}

@Suite("Client: content on the wire")
struct ContentEncoderTests {
    @Test(
        "RFC 5321 4.5.2: a dot at the start of a line is doubled, elsewhere it is not",
        arguments: [
            (".\r\n", "..\r\n"), ("..\r\n", "...\r\n"), ("a.\r\n.b\r\n", "a.\r\n..b\r\n"),
            ("\r\n.\r\n", "\r\n..\r\n"), ("", ""), ("a", "a\r\n"), (".", "..\r\n"),
            ("a\r\n", "a\r\n"), ("a\r", "a\r\n"), ("a\n", "a\r\n"), ("\r", "\r\n"),
        ])
    func dots(content: String, wire: String) {
        #expect(encode(Array(content.utf8)) == Array(wire.utf8))
    }

    @Test(
        "RFC 5321 2.3.8: no smuggling sequence leaves us",
        arguments: [
            "\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\n", "\n.\r", "\r.\r\n", "\r\n.\r",
            "\r\n.\r\r\n", "\r\r\n.\r\r\n", "\r\n\u{0}.\r\n", "\r\n.\u{0}\r\n",
        ])
    func smuggling(vector: String) {
        let content = Array(("body" + vector + "MAIL FROM:<x@y>\r\nDATA\r\n").utf8)
        for sliceOctets in 1...content.count {
            let wire = encode(content, sliceOctets: { sliceOctets })
            #expect(receive(wire) == normalised(content))
        }
    }

    @Test("BDAT: line endings are put right, dots stay single")
    func chunks() {
        #expect(
            encode(Array(".a\n.b\rc\r\n.\r\n".utf8), stuffing: false)
                == Array(".a\r\n.b\r\nc\r\n.\r\n".utf8))
    }

    @Test("Whatever the content and however it is cut: a server gets it line by line")
    func anyContent() {
        var random = SeededRandom(seed: 5321)
        let pieces = ["\r\n", "\r\n", "\r", "\n", ".", "..", "a", "0123456789", "\u{0}", "é", " "]
        for round in 0..<4000 {
            var content: [UInt8] = []
            for _ in 0..<random.below(round % 10 == 0 ? 400 : 24) {
                content.append(contentsOf: Array((random.pick(pieces) ?? "").utf8))
            }
            let whole = encode(content)
            #expect(receive(whole) == normalised(content), "\(content)")
            let cut = encode(content, sliceOctets: { 1 + random.below(40) })
            #expect(cut == whole, "\(content)")
            let chunk = encode(content, stuffing: false, sliceOctets: { 1 + random.below(40) })
            #expect(chunk == normalised(content), "\(content)")
        }
    }

    @Test("Every octet in every place of a block is looked at")
    func everyPlace() {
        for place in 0..<100 {
            for octets in [
                [UInt8(0x0D)], [0x0A], [0x0D, 0x0A, 0x2E], [0x0A, 0x2E], [0x0D, 0x0D, 0x0A],
            ] {
                var content = [UInt8](repeating: 0x61, count: 140)
                content.replaceSubrange(place..<(place + octets.count), with: octets)
                #expect(receive(encode(content)) == normalised(content), "\(place) \(octets)")
            }
        }
    }
}
