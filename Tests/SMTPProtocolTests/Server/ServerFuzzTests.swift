import MailModel
import SMTPProtocol
import Testing
import WaybillTesting

/// Seeded mutation: the same inputs on every machine. WAYBILL_FUZZ_ROUNDS makes it longer.
@Suite("Server: fuzzing")
struct ServerFuzzTests {
    static let rounds = fuzzRounds(default: 300)

    /// Pieces that sessions are made of.
    static let dictionary: [String] = [
        "EHLO c.example\r\n", "HELO c.example\r\n", "MAIL FROM:<a@example.net>", "MAIL FROM:<>",
        "RCPT TO:<b@example.com>", " SIZE=100", " BODY=8BITMIME", " BODY=BINARYMIME", " SMTPUTF8",
        " RET=FULL", " ENVID=x", " NOTIFY=NEVER", " ORCPT=rfc822;x", "\r\n", "DATA\r\n",
        "BDAT 5\r\n",
        "BDAT 5 LAST\r\n", "BDAT 0 LAST\r\n", "RSET\r\n", "NOOP\r\n", "QUIT\r\n", "STARTTLS\r\n",
        "AUTH PLAIN AGFubgBzZXNhbWU=\r\n", "AUTH LOGIN\r\n",
        "AUTH SCRAM-SHA-256 biwsbj1hbm4scj1hYmM=\r\n",
        "YW5u\r\n", "*\r\n", "VRFY x\r\n", "HELP\r\n", "Subject: x\r\n\r\n", ".\r\n", "\r\n.\r\n",
        ".",
        "..", "\n", "\r", "\0", "é", "hello", "\r\n.\r", "\n.\n", "12345",
    ]

    static func input(_ random: inout SeededRandom) -> [UInt8] {
        var bytes: [UInt8] = random.oneIn(4) ? [] : Array("EHLO c.example\r\n".utf8)
        if random.oneIn(2) {
            bytes += Array("MAIL FROM:<a@example.net>\r\nRCPT TO:<b@example.com>\r\n".utf8)
        }
        for _ in 0..<(1 + random.below(24)) {
            bytes += Array((random.pick(dictionary) ?? "").utf8)
        }
        for _ in 0..<random.below(4) where !bytes.isEmpty {
            let index = random.below(bytes.count)
            switch random.below(4) {
            case 0: bytes[index] = UInt8(random.below(256))
            case 1: bytes.remove(at: index)
            case 2: bytes.insert(UInt8(random.below(256)), at: index)
            default:
                let end = min(bytes.count, index + random.below(12))
                bytes.insert(contentsOf: bytes[index..<end], at: random.below(bytes.count))
            }
        }
        return bytes
    }

    static func cut(_ bytes: [UInt8], _ random: inout SeededRandom) -> [ArraySlice<UInt8>] {
        var pieces: [ArraySlice<UInt8>] = []
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + 1 + random.below(random.oneIn(3) ? 200 : 9))
            pieces.append(bytes[start..<end])
            start = end
        }
        return pieces
    }

    /// `code SP` or `code -` at the start of each line, no control characters, ends in CRLF.
    static func isWellFormed(_ output: [UInt8]) -> Bool {
        guard output.isEmpty || output.suffix(2) == [0x0D, 0x0A] else { return false }
        var rest = output[...]
        var open: [UInt8]?
        while !rest.isEmpty {
            guard let lineFeed = rest.firstIndex(of: 0x0A), lineFeed > rest.startIndex + 4 else {
                return false
            }
            let line = Array(rest[rest.startIndex..<lineFeed].dropLast())
            guard rest[lineFeed - 1] == 0x0D, line.count <= 510,
                (0x32...0x35).contains(line[0]), line[1].isDigit, line[2].isDigit,
                line[3] == 0x20 || line[3] == 0x2D, line.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }),
                open == nil || open == Array(line[..<3])
            else { return false }
            open = line[3] == 0x2D ? Array(line[..<3]) : nil
            rest = rest[(lineFeed + 1)...]
        }
        return open == nil
    }

    static func run(
        _ pieces: [ArraySlice<UInt8>], normalise: Bool, tolerant: Bool
    ) -> (output: [UInt8], messages: [CompletedMessage], isClosed: Bool, memory: Int) {
        let server = ServerHarness(tls: true) {
            $0.lineEndings = normalise ? .normalise : .refuse
            $0.refuseUnauthorisedPipelining = !tolerant
            $0.extensions.remove(.startTLS)
            $0.limits.messageOctets = 600
            $0.limits.discardedOctets = 400
            $0.limits.commandLineOctets = 80
            $0.limits.authenticationLineOctets = 100
            $0.limits.textLineOctets = 70
        }
        server.users = ["ann": "sesame"]
        var memory = 0
        for piece in pieces {
            server.send(piece)
            memory = max(memory, server.memoryOctets)
        }
        return (server.output, server.messages, server.isClosed, memory)
    }

    @Test("any input: no crash, well-formed replies, bounded memory, the same however it is cut")
    func anyInput() {
        for round in 0..<Self.rounds {
            var random = SeededRandom(seed: UInt64(round))
            let bytes = Self.input(&random)
            let normalise = random.oneIn(2)
            // Tolerant of early bytes: the one thing that may depend on the cut.
            let whole = Self.run([bytes[...]], normalise: normalise, tolerant: true)
            #expect(Self.isWellFormed(whole.output), "seed \(round)")
            for _ in 0..<4 {
                let cut = Self.run(
                    Self.cut(bytes, &random), normalise: normalise, tolerant: true)
                #expect(cut.output == whole.output, "seed \(round)")
                #expect(cut.messages == whole.messages, "seed \(round)")
                #expect(cut.isClosed == whole.isClosed, "seed \(round)")
                #expect(cut.memory < 20_000, "seed \(round)")
            }
            let strict = Self.run(Self.cut(bytes, &random), normalise: normalise, tolerant: false)
            #expect(Self.isWellFormed(strict.output), "seed \(round)")
        }
    }

    @Test("any content: the end, the octets and the defects are what the RFC's words say")
    func anyContent() {
        let dictionary: [[UInt8]] = [
            [0x0D, 0x0A], [0x0D, 0x0A], [0x0D, 0x0A], [0x2E], [0x2E, 0x0D, 0x0A], [0x0D], [0x0A],
            [0x61],
            [0x62, 0x63, 0x64, 0x65], [0], [0xC3], [0x0D, 0x0D, 0x0A], [0x2E, 0x2E],
            [UInt8](repeating: 0x78, count: 40), [UInt8](repeating: 0x79, count: 64),
        ]
        var kinds: [String: Int] = [:]
        for round in 0..<(Self.rounds * 4) {
            var random = SeededRandom(seed: UInt64(round) << 20)
            // Most pieces of a round come from a few entries, so that many contents are clean.
            let choice = random.oneIn(2) ? Array(dictionary[..<5]) + [dictionary[8]] : dictionary
            var bytes: [UInt8] = []
            for _ in 0..<random.below(40) { bytes += random.pick(choice) ?? [] }
            if random.oneIn(2) { bytes.removeAll { $0 == 0 } }
            bytes += [0x0D, 0x0A, 0x2E, 0x0D, 0x0A]
            let reference = ContentReference(bytes)
            let used = reference.used ?? 0
            for normalise in [false, true] {
                let server = ServerHarness {
                    $0.lineEndings = normalise ? .normalise : .refuse
                    $0.limits.textLineOctets = 0
                    $0.extensions = []
                }
                server.beginTransaction()
                _ = server.command("DATA")
                for piece in Self.cut(Array(bytes[..<used]), &random) { server.send(piece) }
                let reply = server.newReplies()
                if reference.hasNUL || (reference.hasBareLineEnds && !normalise) {
                    #expect(reply.codes == "552 5.6.0", "seed \(round)")
                    #expect(server.messages.isEmpty, "seed \(round)")
                } else {
                    #expect(reply == "250 2.0.0 queued as 1-1", "seed \(round)")
                    #expect(server.messages.first?.content == reference.content, "seed \(round)")
                    #expect(
                        server.messages.first?.envelope.body
                            == (reference.hasEightBit ? .eightBitMIME : .sevenBit), "seed \(round)")
                }
                kinds["\(reply.codes) \(reference.hasBareLineEnds)", default: 0] += 1
            }
        }
        // The generator must reach all of it, or this test proves nothing.
        for kind in ["552 5.6.0 true", "552 5.6.0 false", "250 2.0.0 true", "250 2.0.0 false"] {
            #expect(kinds[kind, default: 0] > Self.rounds / 20, "too few of \(kind)")
        }
    }
}
