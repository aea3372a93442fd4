import MailEvents
import MailModel

/// One event of each type: the examples of schemas/events.md, and the golden JSON lines.
enum ExampleEvents {
    static let all: [RecordedEvent] = [
        event(1, .epochStarted(EpochStarted(epoch: 1, site: "vienna", reason: "created"))),
        event(
            2,
            .configurationApplied(
                ConfigurationApplied(
                    digest: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    version: "0.1.0"))),
        event(
            3,
            .rejected(
                SessionRejected(
                    listener: "relay", clientAddress: "198.51.100.7",
                    clientName: "unknown.example", identity: "", sessionID: "s-41",
                    command: "rcpt", reversePath: "x@unknown.example",
                    forwardPath: "y@elsewhere.example",
                    reply: Reply(550, EnhancedStatusCode(5, 7, 1), "relaying denied")))),
        event(4, .received(received)),
        event(
            5,
            .queued(
                RecipientQueued(
                    recipient: recipient, due: time(5), notify: [.failure, .delay],
                    originalRecipient: "rfc822;ann@example.org"))),
        event(6, .attempted(DeliveryAttempted(recipient: recipient, attempt: data))),
        event(
            7,
            .deferred(
                DeliveryDeferred(
                    recipient: recipient, attempt: lost, class: .badConnection, saidBy: .local,
                    nextDue: time(7).adding(seconds: 300), inDoubt: true))),
        event(8, .delivered(DeliverySucceeded(recipient: recipient, attempt: accepted))),
        event(
            9,
            .bounced(
                DeliveryBounced(
                    recipient: recipient, attempt: refused, class: .invalidRecipient,
                    saidBy: .remote))),
        event(
            10,
            .expired(
                DeliveryExpired(
                    recipient: recipient, attempt: unreachable, class: .messageExpired,
                    saidBy: .local))),
        event(11, .received(notification)),
        event(12, .unknown(type: 37, message: message)),
        event(13, .unknown(type: 77, message: nil)),
        event(
            14,
            .suspended(
                DeliverySuspended(
                    order: ControlOrder(
                        selector: RecipientSelector(
                            campaign: "spring", tenant: "acme", domain: "example.org"),
                        reason: "the list is being checked", actor: "cli"),
                    until: time(14).adding(seconds: 3600)))),
        event(15, .resumed(order)),
        event(16, .rebound(ControlOrder(selector: RecipientSelector(message: message)))),
        event(17, .cancelled(order)),
        event(
            18,
            .suppressed(
                AddressSuppressed(
                    address: SuppressedAddress(
                        tenant: "acme", localPart: "ann", domain: "example.org"),
                    reason: "asked to be left alone", actor: "newsletter",
                    expires: time(18).adding(seconds: 86_400), message: message))),
        event(
            19,
            .unsuppressed(
                AddressUnsuppressed(
                    address: SuppressedAddress(domain: "example.net"), reason: "the domain is back",
                    actor: "cli"))),
        event(
            20,
            .complained(
                RecipientComplained(
                    recipient: recipient, feedbackType: "abuse", reporter: "SomeGenerator/1.0",
                    text: "This is an email abuse report",
                    route: DeliveryRoute(
                        host: "mx1.example.org", sourceAddress: "192.0.2.25")))),
        event(
            21,
            .bouncedLater(
                RecipientBouncedLater(
                    recipient: recipient, reporter: "mx2.example.org",
                    text: "smtp; 552 5.2.2 over quota", class: .quotaIssues, saidBy: .remote,
                    route: DeliveryRoute(
                        host: "mx1.example.org", sourceAddress: "192.0.2.25")))),
        event(22, .lost),
        event(23, .contentReceived(piece)),
        event(24, .received(inPieces)),
    ]

    private static let piece = ContentReceived(
        sizeOctets: 1_048_576, contentSHA256: (0..<32).map { UInt8($0 * 7) })
    private static let inPieces = MessageReceived(
        reversePath: .null, sizeOctets: 1_100_000, contentSHA256: (0..<32).map { UInt8($0 * 3) },
        recipientCount: 1,
        session: IngressSession(
            listener: "", serverName: "mta1.acme.example", transmissionType: .local),
        contentPieces: [23, 26])
    private static let order = ControlOrder(
        selector: RecipientSelector(campaign: "spring", tenant: "acme", domain: "example.org"),
        reason: "the list is in order", actor: "cli")

    private static let message = MessageID(epoch: 1, sequence: 4)

    private static func time(_ sequence: UInt64) -> EventTime {
        EventTime(microseconds: 1_795_254_087_000_000 + Int64(sequence) * 1_100_123)
    }

    private static func event(_ sequence: UInt64, _ fact: Fact) -> RecordedEvent {
        RecordedEvent(
            sequence: sequence, epoch: 1, event: Event(time: time(sequence), fact: fact))
    }

    private static let recipient = RecipientReference(
        message: message, number: 0, mailbox: Mailbox(localPart: "ann", domain: "example.org"),
        tenant: "acme", campaign: "spring")

    private static let received = MessageReceived(
        reversePath: .mailbox(Mailbox(localPart: "bounces", domain: "acme.example")),
        sizeOctets: 4242, contentSHA256: (0..<32).map { $0 * 8 }, recipientCount: 1,
        tenant: "acme", campaign: "spring", body: .eightBitMIME, smtpUTF8: true,
        returnContent: .headers, envelopeID: "QQ314159",
        session: IngressSession(
            listener: "submission", serverName: "mta1.acme.example", transmissionType: .esmtpsa,
            clientAddress: "2001:db8::25", clientName: "app1.acme.example", identity: "newsletter",
            sessionID: "s-42", tlsVersion: "TLSv1.3", tlsCipher: "TLS_AES_256_GCM_SHA384"),
        ackLevel: 1, idempotencyKey: "order-1138", suppliedFields: [.messageID, .date],
        headerMessageID: "<1138@acme.example>",
        metadata: MessageMetadata([("order", "1138"), ("shop", "north")]))

    private static let notification = MessageReceived(
        reversePath: .null, sizeOctets: 0, contentSHA256: Array(repeating: 0, count: 32),
        recipientCount: 1,
        session: IngressSession(
            listener: "", serverName: "mta1.acme.example", transmissionType: .local),
        reportsOn: message)

    private static let peer = DeliveryPeer(
        host: "mx1.example.org", address: "203.0.113.5", port: 25, sourceAddress: "192.0.2.25",
        tlsVersion: "TLSv1.3", tlsCipher: "TLS_AES_128_GCM_SHA256")

    private static let data = Attempt(
        number: 1, reply: Reply(354, nil, "go ahead"), command: "data", peer: peer)
    private static let lost = Attempt(
        number: 1,
        reply: Reply(451, EnhancedStatusCode(4, 4, 2), "connection lost after the final dot"),
        command: "dot", peer: peer, waitedMicroseconds: 120, connectingMicroseconds: 48_000,
        transactionMicroseconds: 600_000_000)
    private static let accepted = Attempt(
        number: 2, reply: Reply(250, EnhancedStatusCode(2, 0, 0), "Ok: queued as 4A5B6C"),
        command: "dot", peer: peer, transactionMicroseconds: 81_234)
    private static let refused = Attempt(
        number: 2,
        reply: Reply(
            550, EnhancedStatusCode(5, 1, 1), "<ann@example.org>: no such \"mailbox\"\nsee above"),
        command: "rcpt", peer: peer, waitedMicroseconds: 7)
    private static let unreachable = Attempt(
        number: 12, reply: Reply(451, EnhancedStatusCode(4, 4, 1), "no route to host"),
        command: "connect",
        peer: DeliveryPeer(
            host: "mx1.example.org", address: "203.0.113.5", port: 25, sourceAddress: ""))
}
