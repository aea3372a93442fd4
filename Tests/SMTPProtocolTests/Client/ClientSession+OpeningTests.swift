import MailModel
import NIOCore
import SMTPProtocol
import Testing

private func configuration(
    _ tls: ClientTLSPolicy = .none, credentials: ClientCredentials? = nil, saysEHLO: Bool = true
) -> ClientSessionConfiguration {
    ClientSessionConfiguration(
        clientName: "out.example.net", tls: tls, credentials: credentials, saysEHLO: saysEHLO)
}

@Suite("Client: greeting, EHLO, STARTTLS")
struct ClientSessionOpeningTests {
    @Test("RFC 5321 4.3.1: a greeting of several lines is one greeting")
    func greeting() {
        converse("S: 220-mx.example.org\nS: 220-be nice\nS: 220 ESMTP\nC: EHLO out.example.net")
    }

    @Test(
        "RFC 5321 3.1: a server may refuse in its greeting",
        arguments: [
            ("554 5.7.1 go away", SessionFailure.Kind.refused, true),
            ("450 busy", .refused, false),
        ])
    func refusedGreeting(reply: String, kind: SessionFailure.Kind, isPermanent: Bool) {
        let run = converse("S: \(reply)\nC: QUIT\nE: failed")
        #expect(run.failure?.kind == kind)
        #expect(run.failure?.isPermanent == isPermanent)
        #expect(run.failure?.command == .greeting)
        #expect(run.failure?.isLocal == false)
        #expect(run.session.phase == .ended)
    }

    @Test("RFC 5321 3.8: 421 ends the session at whatever point, without QUIT")
    func serviceClosing() {
        let run = converse("S: 421 4.3.2 shutting down\nE: failed")
        #expect(run.failure?.kind == .serviceClosing)
        #expect(run.failure?.reply == Reply(421, EnhancedStatusCode(4, 3, 2), "shutting down"))
        let later = converse("S: 220 x\nC: EHLO out.example.net\nS: 421 bye\nE: failed")
        #expect(later.failure?.command == .ehlo)
    }

    @Test(
        "A greeting that is no greeting is a protocol error",
        arguments: ["250 hi", "354 x", "SSH-2.0"])
    func noGreeting(reply: String) {
        let run = converse("S: \(reply)\nE: failed")
        #expect(run.failure?.kind == .protocolError)
        #expect(run.failure?.isPermanent == false)
        #expect(run.failure?.reply.status == EnhancedStatusCode(4, 5, 0))
    }

    @Test("RFC 5321 4.1.1.1: a server that refuses EHLO for good is told HELO")
    func helo() {
        let run = converse(
            """
            S: 220 old
            C: EHLO out.example.net
            S: 502 what?
            C: HELO out.example.net
            S: 250 old
            E: ready
            """)
        #expect(!run.session.capabilities.isExtended)
        converse(
            configuration(saysEHLO: false), [],
            "S: 220 old\nC: HELO out.example.net\nS: 250 x\nE: ready")
    }

    @Test("EHLO deferred is not followed by HELO; HELO refused ends the session")
    func refusedHello() {
        let deferred = converse(
            "S: 220 x\nC: EHLO out.example.net\nS: 451 later\nC: QUIT\nE: failed")
        #expect(deferred.failure?.isPermanent == false)
        let refused = converse(
            """
            S: 220 x
            C: EHLO out.example.net
            S: 550 no
            C: HELO out.example.net
            S: 550 5.7.1 no
            C: QUIT
            E: failed
            """)
        #expect(refused.failure?.command == .helo)
        #expect(refused.failure?.isPermanent == true)
    }

    @Test("RFC 5321 4.1.1.1: keywords are read in any case, unknown and malformed ones passed over")
    func capabilities() {
        let run = converse(
            """
            S: 220 x
            C: EHLO out.example.net
            S: 250-mx.example.org PIPELINING
            S: 250-8bitmime
            S: 250-SIZE 35882577
            S: 250-size twelve
            S: 250-AUTH PLAIN XOAUTH2
            S: 250-AUTH=LOGIN
            S: 250-X-UNKNOWN a b
            S: 250-
            S: 250 SmtpUtf8
            E: ready
            """)
        let found = run.session.capabilities
        #expect(found.isExtended && found.eightBitMIME && found.smtpUTF8 && found.size)
        #expect(!found.pipelining && !found.chunking && !found.startTLS)
        #expect(found.sizeLimitOctets == 35_882_577)
        #expect(found.mechanisms == [.plain, .login])
    }

    @Test("RFC 1870 6.1: SIZE 0 and SIZE alone announce no limit", arguments: ["SIZE", "SIZE 0"])
    func noSizeLimit(keyword: String) {
        let run = converse(
            "S: 220 x\nC: EHLO out.example.net\nS: 250-x\nS: 250 \(keyword)\nE: ready")
        #expect(run.session.capabilities.size)
        #expect(run.session.capabilities.sizeLimitOctets == nil)
    }

    @Test("RFC 3207 4.2: after STARTTLS the client says EHLO again and forgets what it was told")
    func startTLS() {
        let run = converse(
            configuration(.opportunistic), [],
            """
            S: 220 x
            C: EHLO out.example.net
            S: 250-x
            S: 250-PIPELINING
            S: 250 STARTTLS
            C: STARTTLS
            S: 220 go
            E: startTLS
            ! tls
            C: EHLO out.example.net
            S: 250-x
            S: 250 STARTTLS
            E: ready
            """)
        #expect(run.session.isEncrypted == true)
        #expect(!run.session.capabilities.pipelining)
    }

    @Test("RFC 3207 5: what comes in clear behind the 220 is thrown away")
    func injection() {
        var session = ClientSession(configuration: configuration(.required))
        var out = ByteBuffer()
        var input = ByteBuffer(
            string: "220 x\r\n250-x\r\n250 STARTTLS\r\n220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n")
        #expect(session.consume(&input, into: &out) == .startTLS)
        #expect(input.readableBytes == 0)
        input.writeString("250 more\r\n")
        #expect(session.consume(&input, into: &out) == .needMore)
        #expect(input.readableBytes == 0)
        #expect(session.tlsEstablished(into: &out) == .needMore)
        #expect(session.consume(&input, into: &out) == .needMore)
        #expect(session.phase == .hello)
        #expect(session.capabilities == ServerCapabilities())
    }

    @Test("RFC 7435: opportunistic TLS goes on in clear when it is refused or not offered")
    func opportunistic() {
        let refused = converse(
            configuration(.opportunistic), [],
            """
            S: 220 x
            C: EHLO out.example.net
            S: 250-x
            S: 250 STARTTLS
            C: STARTTLS
            S: 454 TLS not available
            E: ready
            """)
        #expect(refused.session.isEncrypted == false)
        converse(
            configuration(.opportunistic), [],
            "S: 220 x\nC: EHLO out.example.net\nS: 250 x\nE: ready")
    }

    @Test(
        "Required TLS: refused, not offered, or no EHLO is a failure, never for good",
        arguments: [
            "S: 250 x", "S: 250-x\nS: 250 STARTTLS\nC: STARTTLS\nS: 454 no",
            "S: 250-x\nS: 250 STARTTLS\nC: STARTTLS\nS: 554 no", "S: 500 what?",
        ])
    func required(rest: String) {
        let run = converse(
            configuration(.required), [],
            "S: 220 x\nC: EHLO out.example.net\n\(rest)\nC: QUIT\nE: failed")
        #expect(run.failure?.kind == .tlsUnavailable)
        #expect(run.failure?.reply.status == EnhancedStatusCode(4, 7, 4))
        #expect(run.failure?.isPermanent == false)
        #expect(run.failure?.isLocal == true)
    }

    @Test("A failed handshake ends the session; whether to try in clear is the shell's")
    func handshakeFailed() {
        let run = converse(
            configuration(.opportunistic), [],
            """
            S: 220 x
            C: EHLO out.example.net
            S: 250-x
            S: 250 STARTTLS
            C: STARTTLS
            S: 220 go
            E: startTLS
            ! tls failed
            E: failed
            """)
        #expect(run.failure?.kind == .tlsHandshake)
        #expect(run.failure?.reply.text.contains("no common cipher") == true)
    }

    @Test("RFC 8314: a connection that is TLS from the start does not say STARTTLS")
    func implicitTLS() {
        converse(
            configuration(.required), encrypted: true, [],
            "S: 220 x\nC: EHLO out.example.net\nS: 250-x\nS: 250 STARTTLS\nE: ready")
    }

    @Test("RFC 5321 4.5.3.2: each phase has its timeout, and none runs when nothing is owed")
    func timeouts() {
        let times = ClientTimeouts()
        #expect(times.greeting == .seconds(300) && times.mail == .seconds(300))
        #expect(times.recipient == .seconds(300) && times.data == .seconds(120))
        #expect(times.dataBlock == .seconds(180) && times.finalDot == .seconds(600))
        var session = ClientSession(configuration: clear)
        var out = ByteBuffer()
        var input = ByteBuffer(string: "220 x\r\n250 x\r\n")
        #expect(session.timeout == .seconds(300))
        #expect(session.consume(&input, into: &out) == .ready)
        #expect(session.timeout == nil)
        let steps: [(String, ClientPhase)] = [
            ("", .mail), ("250 x\r\n", .recipient), ("250 x\r\n", .data), ("354 x\r\n", .finalDot),
        ]
        for (reply, phase) in steps {
            input.writeString(reply)
            if reply.isEmpty { _ = session.begin(simple, into: &out) }
            #expect(session.consume(&input, into: &out) == .needMore)
            #expect(session.phase == phase)
            #expect(session.timeout == times[phase])
        }
    }
}
