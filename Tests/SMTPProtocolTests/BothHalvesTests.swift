import MailModel
import NIOCore
import SMTPProtocol
import Testing
import WaybillTesting

/// A client session and a server session that talk to each other, with the bytes cut anyhow.
private struct Pair: ~Copyable {
    var client: ClientSession
    var server: ServerSession
    var toServer = ByteBuffer()
    var toClient = ByteBuffer()
    /// Their contents are whole, however they were handed over.
    var received: [CompletedMessage] = []
    private var coming: [UInt8] = []
    /// What the client has yet to be given of its content.
    private var following: ArraySlice<UInt8> = []
    var random: SeededRandom
    private let verifier = SCRAMVerifier(password: "pencil", salt: [1, 2, 3], iterations: 4096)

    init(_ configuration: ClientSessionConfiguration, seed: UInt64, mechanisms: SASLMechanisms) {
        client = ClientSession(configuration: configuration, encrypted: !mechanisms.isEmpty)
        var serving = ServerSessionConfiguration(hostname: "mx.example.org")
        serving.relay.networks = [IPNetwork("192.0.2.0/24")].compactMap(\.self)
        serving.relay.requireAuthentication = !mechanisms.isEmpty
        serving.authentication.mechanisms = mechanisms
        serving.lineEndings = .normalise
        serving.extensions.remove(.startTLS)
        serving.pieceOctets = [0, 1, 7, 1000][Int(seed % 4)]
        server = ServerSession(
            configuration: serving, client: IPAddress("192.0.2.1"),
            tls: mechanisms.isEmpty ? nil : TLSFacts(version: "TLSv1.3"))
        random = SeededRandom(seed: seed)
        server.greet(into: &toClient)
    }

    /// Runs until neither has anything to say; begins transactions as the client is ready.
    mutating func run(_ transactions: [ClientTransaction]) -> [TransactionResult] {
        var waiting = transactions[...]
        var results: [TransactionResult] = []
        var heard = ByteBuffer()
        var told = ByteBuffer()
        while true {
            let before = toServer.readableBytes + toClient.readableBytes
            Self.move(&toClient, &heard, &random)
            clientLoop: while true {
                switch client.consume(&heard, into: &toServer) {
                case .needMore: break clientLoop
                case .transactionFinished(let result): results.append(result)
                case .ready, .closed, .failed: break
                case .startTLS:
                    Issue.record("TLS was not asked for")
                    return results
                }
                if client.phase == .ended { return results }
            }
            if client.hasContentToWrite { client.writeContent(into: &toServer) }
            while client.needsContent {
                let count = min(random.below(50) + 1, following.count)
                let fits = client.supplyContent(Array(following.prefix(count)))
                #expect(fits)
                following = following.dropFirst(count)
                client.writeContent(into: &toServer)
            }
            if client.isReady {
                guard let next = waiting.popFirst() else {
                    return results
                }
                // Often only the beginning is there.
                var beginning = next
                let count = random.oneIn(2) ? random.below(next.content.count + 1) : .max
                beginning.content = Array(next.content.prefix(count))
                following = next.content.dropFirst(count)
                beginning.followingOctets = following.count
                if case .transactionFinished(let result) = client.begin(
                    beginning, into: &toServer)
                {
                    results.append(result)
                }
            }
            Self.move(&toServer, &told, &random)
            serve(&told)
            if before == 0, toServer.readableBytes + toClient.readableBytes == 0,
                !client.hasContentToWrite
            {
                Issue.record("both wait, the client in \(client.phase)")
                return results
            }
        }
    }

    private mutating func serve(_ input: inout ByteBuffer) {
        while true {
            switch server.consume(&input, into: &toClient) {
            case .needMore, .close, .startTLS: return
            case .authenticate(.password(let attempt)):
                _ = server.authenticationFinished(
                    attempt.password == Array("pencil".utf8)
                        ? .accepted(identity: attempt.user) : .refused, into: &toClient)
            case .authenticate(.failedProof):
                _ = server.authenticationFinished(.refused, into: &toClient)
            case .authenticate(.scramVerifier):
                _ = server.authenticationFinished(
                    .verifier(verifier, nonce: "xyz"), into: &toClient)
            case .piece(let octets, let isFirst):
                coming = isFirst ? octets : coming + octets
                server.pieceStored()
            case .message(var message):
                if message.precedingOctets > 0 { message.content = coming + message.content }
                received.append(message)
                _ = server.messageAnswered(
                    .queued(MessageID(epoch: 1, sequence: UInt64(received.count))), into: &toClient)
            }
        }
    }

    private static func move(
        _ from: inout ByteBuffer, _ to: inout ByteBuffer, _ random: inout SeededRandom
    ) {
        let count = random.oneIn(3) ? random.below(40) + 1 : from.readableBytes
        if var piece = from.readSlice(length: min(count, from.readableBytes)) {
            to.writeBuffer(&piece)
        }
    }
}

private func contents(_ seed: UInt64) -> [[UInt8]] {
    var random = SeededRandom(seed: seed)
    let pieces = [
        "\r\n", "\r\n", "\r\n.", ".", "a", "0123456789 0123456789 0123456789", "\r\n..\r\n",
    ]
    return (0..<6).map { number in
        var content = Array("Subject: \(number)\r\n\r\n".utf8)
        for _ in 0..<random.below(number == 5 ? 40_000 : 60) {
            content += Array((random.pick(pieces) ?? "").utf8)
            if content.count % 400 < 30 { content += [0x0D, 0x0A] }
        }
        return content + [0x0D, 0x0A]
    }
}

@Suite("Client and server halves together")
struct BothHalvesTests {
    @Test(
        "What our client sends, our server gets: DATA and BDAT, in groups and step by step",
        arguments: [true, false],
        [ClientSessionConfiguration.Chunking.whenNeeded, .preferred])
    func deliver(usesPipelining: Bool, chunking: ClientSessionConfiguration.Chunking) {
        for seed in UInt64(1)...12 {
            var configuration = clear
            configuration.usesPipelining = usesPipelining
            configuration.chunking = chunking
            var pair = Pair(configuration, seed: seed, mechanisms: [])
            let sent = contents(seed)
            let results = pair.run(
                sent.map {
                    ClientTransaction(
                        envelope: transaction(to: ["a@x.example", "b@x.example"]).envelope,
                        content: $0)
                })
            #expect(pair.received.map(\.content) == sent, "seed \(seed)")
            #expect(pair.received.allSatisfy { $0.envelope.recipients.count == 2 })
            #expect(
                results.map { $0.outcomes.map(\.disposition) }
                    == sent.map { _ in [.delivered, .delivered] })
            #expect(results.last?.outcomes.first?.reply.text == "queued as 1-6")
        }
    }

    @Test("Binary content arrives octet for octet, and the envelope's parameters with it")
    func binary() {
        let content =
            Array("A: b\r\n\r\n".utf8) + (0..<300_000).map { UInt8(truncatingIfNeeded: $0) }
        var envelope = transaction(body: .binaryMIME, smtpUTF8: true).envelope
        envelope.returnContent = .headers
        envelope.envelopeID = "QQ+20314159"
        envelope.recipients = [
            EnvelopeRecipient(
                mailbox: Mailbox(localPart: "jürgen", domain: "x.example"),
                notify: [.success, .delay], originalRecipient: "utf-8;jürgen@x.example"),
            EnvelopeRecipient(mailbox: ben, notify: .never),
        ]
        var pair = Pair(clear, seed: 3, mechanisms: [])
        let results = pair.run([ClientTransaction(envelope: envelope, content: content)])
        #expect(results.first?.outcomes.map(\.disposition) == [.delivered, .delivered])
        #expect(results.first?.passedDSN == true)
        #expect(pair.received.first?.content == content)
        #expect(pair.received.first?.envelope == envelope)
    }

    @Test(
        "AUTH by each mechanism",
        arguments: [
            (SASLMechanisms.plain, ClientCredentials.Mechanism.plain), (.login, .login),
            (.scramSHA256, .scramSHA256),
        ])
    func authenticate(offered: SASLMechanisms, used: ClientCredentials.Mechanism) {
        for (password, expected) in [("pencil", 1), ("wrong", 0)] {
            var configuration = clear
            configuration.credentials = ClientCredentials(
                identity: "ann", password: password, nonce: "abcdefghijklmnopqrstuvwx")
            var pair = Pair(configuration, seed: 9, mechanisms: offered)
            let results = pair.run([simple])
            #expect(results.count == expected)
            #expect(pair.received.map(\.session.identity) == (expected == 1 ? ["ann"] : []))
            #expect(pair.client.capabilities.mechanisms == [used])
        }
    }
}
