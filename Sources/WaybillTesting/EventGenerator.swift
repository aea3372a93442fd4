package import EventLog
package import MailEvents
package import MailModel

/// Makes up events as a busy server would write them, the same for the same seed.
///
/// About a third each of `received`, `queued` and `delivered`, with retries, bounces, expiries,
/// doubts, rejections and control events between; recipients are unique, and so are the queue ids
/// in the remote servers' replies.
///
/// Concurrency: value.
package struct EventGenerator: Sendable {
    var random: SeededRandom
    /// Epoch of every event made.
    package let epoch: UInt32
    /// Sequence of the next event of ``events(_:)``.
    package private(set) var nextSequence: UInt64
    /// Time of the event made last.
    package var clock: EventTime
    private var waiting: [Waiting] = []
    private var sessions: [IngressSession] = []
    private var peers: [DeliveryPeer] = []
    private var messages = 0

    /// A recipient that has not reached its final state.
    private struct Waiting {
        var recipient: RecipientReference
        var attempts: Int
    }

    /// Creates a generator whose stream begins at `firstSequence`.
    package init(
        seed: UInt64, start: EventTime = EventTime(microseconds: 1_790_000_000_000_000),
        epoch: UInt32 = 1, firstSequence: UInt64 = 1
    ) {
        random = SeededRandom(seed: seed)
        clock = start
        self.epoch = epoch
        nextSequence = firstSequence
    }

    /// The next events of the stream, exactly as a reader of the log would decode them.
    package mutating func events(_ count: Int) -> [RecordedEvent] {
        var events: [RecordedEvent] = []
        events.reserveCapacity(count)
        while events.count < count {
            let room = count - events.count
            if nextSequence == 1 {
                append(
                    .epochStarted(EpochStarted(epoch: epoch, site: "vienna", reason: "created")),
                    to: &events)
            } else if random.oneIn(500) || (waiting.isEmpty && room == 1) {
                append(occasion(), to: &events)
            } else if room == 1 || waiting.count > 200 || (!waiting.isEmpty && random.oneIn(2)) {
                attempt(&events)
            } else {
                accept(room: room, &events)
            }
        }
        return events
    }

    /// One accepted message as acceptance hands it to the log: `received` and its `queued` events
    /// with ids that count from the start of the append, and the content of the first event.
    package mutating func acceptance(
        recipients: Int = 1
    ) -> (events: [Event], contents: [Content]) {
        tick()
        let content = self.content()
        let received = received(recipients: recipients, content: content)
        var events = [Event(time: clock, fact: .received(received))]
        for number in 0..<recipients {
            events.append(
                Event(time: clock, fact: .queued(queued(received, .inThisAppend(at: 0), number))))
        }
        return (events, [Content(eventIndex: 0, bytes: content)])
    }

    private mutating func append(_ fact: Fact, to events: inout [RecordedEvent]) {
        tick()
        events.append(
            RecordedEvent(
                sequence: nextSequence, epoch: epoch, event: Event(time: clock, fact: fact)))
        nextSequence += 1
    }

    /// Lets up to 0.4 ms pass.
    package mutating func tick() { clock.microseconds += Int64(random.below(400)) }

    private mutating func accept(room: Int, _ events: inout [RecordedEvent]) {
        let wanted = random.oneIn(50) ? 2 + random.below(6) : 1
        let recipients = max(1, min(wanted, room - 1))
        let id = MessageID(epoch: epoch, sequence: nextSequence)
        let received = received(recipients: recipients, content: nil)
        append(.received(received), to: &events)
        for number in 0..<recipients {
            let queued = queued(received, id, number)
            append(.queued(queued), to: &events)
            waiting.append(Waiting(recipient: queued.recipient, attempts: 0))
        }
    }

    private mutating func attempt(_ events: inout [RecordedEvent]) {
        let index = random.below(waiting.count)
        waiting[index].attempts += 1
        let one = waiting[index]
        let fact = outcome(of: one.recipient, attempt: one.attempts)
        switch fact {
        case .deferred, .attempted: break
        default:
            waiting.swapAt(index, waiting.count - 1)
            waiting.removeLast()
        }
        append(fact, to: &events)
    }

    /// How an attempt ended: mostly `delivered`, also `deferred`, `bounced`, `expired`, and at times
    /// the `attempted` that goes before. Happens at ``clock``.
    package mutating func outcome(of recipient: RecipientReference, attempt number: Int) -> Fact {
        switch random.below(1000) {
        case 0..<48: return .deferred(deferral(recipient, number: number))
        case 48..<68: return .bounced(bounce(recipient, number: number))
        case 68..<71:
            return .expired(
                DeliveryExpired(
                    recipient: recipient,
                    attempt: Attempt(
                        number: number,
                        reply: Reply(451, EnhancedStatusCode(4, 4, 7), "still greylisted"),
                        command: "rcpt"),
                    class: .messageExpired, saidBy: .local))
        case 71:
            return .attempted(
                DeliveryAttempted(
                    recipient: recipient,
                    attempt: success(
                        recipient, number: number, Reply(354, nil, "go ahead"), "data")))
        default:
            return .delivered(
                DeliverySucceeded(
                    recipient: recipient,
                    attempt: success(recipient, number: number, acceptance(of: recipient), "dot")))
        }
    }
}

// What the events say.
extension EventGenerator {
    private mutating func session() -> IngressSession {
        if sessions.count == 50 && !random.oneIn(200) {
            return sessions[random.below(sessions.count)]
        }
        let tls = !random.oneIn(5)
        let user = random.oneIn(2)
        let session = IngressSession(
            listener: user ? "submission" : "relay", serverName: "mta1.example.com",
            transmissionType: TransmissionType(
                extended: true, utf8: false, tls: tls, authenticated: user),
            clientAddress: "192.0.2.\(random.below(250) + 1)",
            clientName: "app\(random.below(9)).example.com",
            identity: user ? "tenant\(random.below(9))@example.com" : "", sessionID: token(8),
            tlsVersion: tls ? "TLSv1.3" : "", tlsCipher: tls ? "TLS_AES_256_GCM_SHA384" : "")
        if sessions.count == 50 { sessions.removeFirst() }
        sessions.append(session)
        return session
    }

    private mutating func received(recipients: Int, content: [UInt8]?) -> MessageReceived {
        messages += 1
        let tenant = random.below(20)
        let campaign = random.oneIn(4) ? "" : "news-\(messages / 5000)-\(random.below(3))"
        let path: ReversePath =
            random.oneIn(100)
            ? .null
            : .mailbox(
                Mailbox(localPart: "bounce+\(messages)", domain: "mail.tenant\(tenant).example"))
        return MessageReceived(
            reversePath: path, sizeOctets: content?.count ?? 1500 + random.below(40_000),
            contentSHA256: content.map(sha256) ?? (0..<32).map { _ in UInt8(random.below(256)) },
            recipientCount: recipients, tenant: "tenant\(tenant)", campaign: campaign,
            body: random.oneIn(3) ? .eightBitMIME : .sevenBit,
            returnContent: random.oneIn(50) ? .headers : .unspecified,
            envelopeID: random.oneIn(50) ? "QQ\(messages)" : "", session: session(),
            idempotencyKey: random.oneIn(100) ? token(16) : "",
            suppliedFields: random.oneIn(50) ? [.messageID, .date] : [],
            headerMessageID: "<\(token(16))@mail.tenant\(tenant).example>")
    }

    private mutating func queued(
        _ received: MessageReceived, _ message: MessageID, _ number: Int
    ) -> RecipientQueued {
        RecipientQueued(
            recipient: RecipientReference(
                message: message, number: number,
                mailbox: Mailbox(
                    localPart: "\(word()).\(word())\(random.below(100_000))", domain: domain()),
                tenant: received.tenant, campaign: received.campaign),
            due: clock, notify: random.oneIn(50) ? [.success, .failure] : [],
            originalRecipient: random.oneIn(50) ? "rfc822;\(word())@example.org" : "")
    }

    private mutating func peer(_ domain: String) -> DeliveryPeer {
        if let peer = peers.first(where: { $0.host.hasSuffix(domain) }), !random.oneIn(50) {
            return peer
        }
        let peer = DeliveryPeer(
            host: "mx\(random.below(4) + 1).\(domain)", address: "203.0.113.\(random.below(250))",
            port: 25, sourceAddress: "198.51.100.\(random.below(8))",
            tlsVersion: "TLSv1.3", tlsCipher: "TLS_AES_128_GCM_SHA256")
        peers.removeAll { $0.host.hasSuffix(domain) }
        peers.append(peer)
        return peer
    }

    private mutating func success(
        _ recipient: RecipientReference, number: Int, _ reply: Reply, _ command: String
    ) -> Attempt {
        Attempt(
            number: number, reply: reply, command: command, peer: peer(recipient.mailbox.domain),
            waitedMicroseconds: random.below(2000),
            connectingMicroseconds: random.oneIn(5) ? 30_000 + random.below(90_000) : 0,
            transactionMicroseconds: 20_000 + random.below(400_000))
    }

    private mutating func acceptance(of recipient: RecipientReference) -> Reply {
        let status = EnhancedStatusCode(2, 0, 0)
        return switch recipient.mailbox.domain.utf8.count % 3 {
        case 0:
            Reply(
                250, status,
                "OK  \(clock.microseconds / 1_000_000) \(token(13))-\(token(11))si\(token(8)).\(random.below(999)) - gsmtp"
            )
        case 1:
            Reply(
                250, EnhancedStatusCode(2, 6, 0),
                "<\(token(16))@mail.example> [InternalId=\(random.below(90_000_000_000)), Hostname=\(token(12)).example] Queued mail for delivery"
            )
        default: Reply(250, status, "Ok: queued as \(token(12).uppercased())")
        }
    }

    /// Attempt `number` failed for now, at ``clock``.
    package mutating func deferral(
        _ recipient: RecipientReference, number: Int
    ) -> DeliveryDeferred {
        let next = clock.adding(seconds: Int64(300 << min(number, 8)))
        if random.oneIn(10) {
            return DeliveryDeferred(
                recipient: recipient,
                attempt: Attempt(
                    number: number,
                    reply: Reply(451, EnhancedStatusCode(4, 4, 1), "connection timed out"),
                    command: "connect", connectingMicroseconds: 30_000_000),
                class: .noAnswerFromHost, saidBy: .local, nextDue: next)
        }
        let doubt = random.oneIn(20)
        let reply =
            doubt
            ? Reply(451, EnhancedStatusCode(4, 4, 2), "connection lost after the final dot")
            : Reply(
                450, EnhancedStatusCode(4, 2, 0),
                "<\(recipient.mailbox)>: Recipient address rejected: Greylisted, see http://postgrey.example/\(token(8))"
            )
        return DeliveryDeferred(
            recipient: recipient,
            attempt: success(recipient, number: number, reply, doubt ? "dot" : "rcpt"),
            class: doubt ? .badConnection : .transientFailure, saidBy: doubt ? .local : .remote,
            nextDue: next, inDoubt: doubt)
    }

    /// Attempt `number` failed for good.
    package mutating func bounce(_ recipient: RecipientReference, number: Int) -> DeliveryBounced {
        let reply = Reply(
            550, EnhancedStatusCode(5, 1, 1),
            "The email account that you tried to reach does not exist.\n\(token(12)) - gsmtp")
        return DeliveryBounced(
            recipient: recipient, attempt: success(recipient, number: number, reply, "rcpt"),
            class: .invalidRecipient, saidBy: .remote)
    }

    /// A rejection or a control event.
    private mutating func occasion() -> Fact {
        if random.oneIn(2), let one = waiting.last { return control(about: one.recipient) }
        if random.oneIn(4) {
            return .configurationApplied(
                ConfigurationApplied(digest: token(64), version: "0.1.0"))
        }
        let session = session()
        return .rejected(
            SessionRejected(
                listener: session.listener, clientAddress: session.clientAddress,
                clientName: session.clientName, identity: "", sessionID: session.sessionID,
                command: "rcpt", reversePath: "\(word())@\(domain())",
                forwardPath: "\(word())@\(domain())",
                reply: Reply(554, EnhancedStatusCode(5, 7, 1), "relay access denied")))
    }

    /// A small message of text, with CRLF line ends.
    private mutating func content() -> [UInt8] {
        var text = "From: \(word())@example.com\r\nSubject: \(word()) \(word())\r\n\r\n"
        for _ in 0..<5 + random.below(40) {
            text += (0..<9).map { _ in word() }.joined(separator: " ") + "\r\n"
        }
        return Array(text.utf8)
    }

    private mutating func domain() -> String {
        let common = ["gmail.example", "outlook.example", "yahoo.example", "web.example"]
        if random.below(10) < 8 { return common[min(random.below(6), 3)] }
        return "\(word()).example"
    }

    mutating func word() -> String {
        let words = [
            "anna", "berg", "casa", "dora", "elm", "fritz", "gold", "haus", "ida", "jung", "karl",
            "linde", "moor", "nora", "otto", "platz", "quell", "rosa", "stein", "tal", "ulm",
            "vera", "wald", "xenia", "york", "zinn",
        ]
        return words[random.below(words.count)]
    }

    mutating func token(_ length: Int) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: (0..<length).map { _ in digits[random.below(16)] }, as: UTF8.self)
    }
}
