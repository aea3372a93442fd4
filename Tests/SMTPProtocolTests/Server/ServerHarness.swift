import MailModel
import NIOCore
import SMTPProtocol

/// The shell of a ``ServerSession`` in tests: keeps what was not consumed, answers effects at once.
final class ServerHarness {
    var session: ServerSession
    /// Everything the session wrote.
    private(set) var output: [UInt8] = []
    /// Their contents are whole, however they were handed over.
    private(set) var messages: [CompletedMessage] = []
    /// Octets of each piece that was handed over.
    private(set) var pieces: [Int] = []
    /// What pieces are refused with; nil: they are stored.
    var pieceRefusal: Reply?
    private var coming: [UInt8] = []
    private(set) var requests: [AuthenticationRequest] = []
    private(set) var isClosed = false
    /// Whether the session handed the connection to TLS; later input belongs to TLS.
    private(set) var startedTLS = false
    /// Name and password of the users there are.
    var users = ["ann": "sesame"]
    /// Taken in turn for messages; `queued` when there is none left.
    var answers: [MessageAnswer] = []
    /// Whether effects are answered.
    var answersEffects = true
    private var input = ByteBuffer()
    private var seen = 0

    var phase: ServerPhase { session.phase }
    var facts: ServerSessionFacts { session.facts }
    var isInTransaction: Bool { session.isInTransaction }
    var mayRelay: Bool { session.mayRelay }
    var memoryOctets: Int { session.memoryOctets }
    var messagesAccepted: Int { session.messagesAccepted }

    /// A session that may relay, greeted, with what `configure` changes.
    init(
        client: String = "192.0.2.1", tls: Bool = false, greeted: Bool = true,
        _ configure: (inout ServerSessionConfiguration) -> Void = { _ in }
    ) {
        var configuration = ServerSessionConfiguration(hostname: "mx.example.org")
        configuration.relay.networks = [IPNetwork("192.0.2.0/24")].compactMap { $0 }
        configuration.authentication.mechanisms = [.plain, .login, .scramSHA256]
        configuration.authentication.decoySecret = [1, 2, 3]
        // So small that most contents are handed over in pieces.
        configuration.pieceOctets = 5
        configure(&configuration)
        session = ServerSession(
            configuration: configuration, client: IPAddress(client),
            tls: tls ? TLSFacts(version: "TLSv1.3") : nil)
        guard greeted else { return }
        greet()
        seen = output.count
    }

    func greet() {
        var out = ByteBuffer()
        session.greet(into: &out)
        output += out.readableBytesView
    }

    /// Brings the TLS handshake to its end.
    func finishTLS() {
        session.tlsEstablished(TLSFacts(version: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256"))
        startedTLS = false
    }

    /// One read.
    func send(_ bytes: some Collection<UInt8>) {
        guard !startedTLS, !isClosed else { return }
        input.writeBytes(bytes)
        var out = ByteBuffer()
        run(&out)
        output += out.readableBytesView
        input.discardReadBytes()
    }

    func send(_ text: String) { send(Array(text.utf8)) }

    private func run(_ out: inout ByteBuffer) {
        while true {
            switch session.consume(&input, into: &out) {
            case .needMore:
                return
            case .startTLS:
                precondition(input.readableBytes == 0, "bytes left for TLS")
                startedTLS = true
                return
            case .close:
                isClosed = true
                return
            case .authenticate(let request):
                requests.append(request)
                guard answersEffects else { return }
                if case .close = session.authenticationFinished(answer(request), into: &out) {
                    isClosed = true
                    return
                }
            case .piece(let octets, let isFirst):
                if isFirst { coming = [] }
                coming += octets
                pieces.append(octets.count)
                if let pieceRefusal { session.refuseContent(pieceRefusal) }
                session.pieceStored()
            case .message(var message):
                precondition([0, coming.count].contains(message.precedingOctets))
                if message.precedingOctets > 0 { message.content = coming + message.content }
                message.precedingOctets = 0
                messages.append(message)
                guard answersEffects else { return }
                let id = MessageID(epoch: 1, sequence: UInt64(messages.count))
                let answer = answers.isEmpty ? .queued(id) : answers.removeFirst()
                if case .close = session.messageAnswered(answer, into: &out) {
                    isClosed = true
                    return
                }
            }
        }
    }

    private func answer(_ request: AuthenticationRequest) -> AuthenticationAnswer {
        switch request {
        case .password(let attempt):
            return users[attempt.user].map { Array($0.utf8) } == attempt.password
                ? .accepted(identity: attempt.user) : .refused
        case .scramVerifier(let user):
            let verifier = users[user].map {
                SCRAMVerifier(password: $0, salt: [7, 7, 7, 7], iterations: 4096)
            }
            return .verifier(verifier, nonce: "server-nonce")
        case .failedProof:
            return .refused
        }
    }

    /// What was written since the last call, lines without CRLF joined by `|`.
    func newReplies() -> String {
        defer { seen = output.count }
        let text = String(decoding: output[seen...], as: UTF8.self)
        return text.replacing("\r\n", with: "|").trimming("|")
    }

    /// Sends a command line and returns what is written to it.
    func command(_ line: String) -> String {
        send(line + "\r\n")
        return newReplies()
    }

    /// Sends command lines one after the other and returns the last reply.
    @discardableResult
    func commands(_ lines: String...) -> String {
        var reply = ""
        for line in lines { reply = command(line) }
        return reply
    }

    /// As far as the 250 to RCPT.
    func beginTransaction(_ parameters: String = "") {
        commands("EHLO client.example.net", "MAIL FROM:<a@example.net>\(parameters)")
        _ = command("RCPT TO:<b@example.com>")
    }
}

extension String {
    func trimming(_ end: Character) -> String {
        var text = self[...]
        while text.last == end { text = text.dropLast() }
        return String(text)
    }

    /// The first digits and the enhanced code: `250 2.1.0`.
    var codes: String { split(separator: " ").prefix(2).joined(separator: " ") }
}

/// Cuts bytes in two at every place, and into single bytes.
func everySplit(_ bytes: [UInt8]) -> [[ArraySlice<UInt8>]] {
    (0...bytes.count).map { [bytes[..<$0], bytes[$0...]] }
        + [bytes.indices.map { bytes[$0...$0] }]
}
