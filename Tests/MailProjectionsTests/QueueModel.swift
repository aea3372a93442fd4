import MailEvents
import MailModel
import WaybillTesting

@testable import MailProjections

/// The queue's meaning, as plainly as it can be said: what the fold is held against.
struct QueueModel {
    var messages: [UInt64: QueuedMessage] = [:]
    var seen: [UInt64: Int] = [:]
    /// By message's sequence and number.
    var attempts: [OpenAttempts.Key: OpenAttempt] = [:]
    /// In the order of their `suspended`.
    var suspensions: [Suspension] = []

    mutating func apply(_ recorded: RecordedEvent) {
        let event = recorded.event
        suspensions.removeAll { $0.until.map { $0 <= event.time } ?? false }
        switch event.fact {
        case .received(let fact):
            messages[recorded.sequence] = QueuedMessage(
                id: MessageID(epoch: recorded.epoch, sequence: recorded.sequence),
                reversePath: fact.reversePath, tenant: fact.tenant, campaign: fact.campaign,
                sizeOctets: fact.sizeOctets, receivedAt: event.time, body: fact.body,
                smtpUTF8: fact.smtpUTF8, returnContent: fact.returnContent,
                envelopeID: fact.envelopeID, recipientCount: fact.recipientCount, recipients: [])
        case .queued(let fact):
            let number = fact.recipient.number
            guard let message = message(fact.recipient),
                !message.recipients.contains(where: { $0.number == number })
            else { return }
            let sequence = fact.recipient.message.sequence
            seen[sequence, default: 0] += 1
            messages[sequence]?.recipientCount = max(message.recipientCount, number + 1)
            messages[sequence]?.recipients.append(
                QueuedRecipient(
                    number: number, mailbox: fact.recipient.mailbox, notify: fact.notify,
                    originalRecipient: fact.originalRecipient, due: fact.due, lastDeferral: nil,
                    inDoubt: false, hasOpenIntent: false))
            messages[sequence]?.recipients.sort { $0.number < $1.number }
        case .deferred(let fact): postpone(fact, at: event.time)
        case .attempted(let fact): announce(fact, recorded)
        case .delivered(let fact): remove(fact.recipient)
        case .bounced(let fact): remove(fact.recipient)
        case .expired(let fact): remove(fact.recipient)
        case .suspended(let fact):
            suspensions.removeAll { $0.selector == fact.order.selector }
            if fact.until.map({ $0 <= event.time }) ?? false { return }
            guard suspensions.count < Suspensions.maximum else { return }
            suspensions.append(
                Suspension(
                    sequence: recorded.sequence, since: event.time, selector: fact.order.selector,
                    until: fact.until, reason: fact.order.reason, actor: fact.order.actor))
        case .resumed(let order): suspensions.removeAll { $0.selector == order.selector }
        case .rebound(let order): rebind(order.selector, event.time)
        case .rejected, .epochStarted, .configurationApplied, .contentReceived, .cancelled,
            .suppressed, .unsuppressed, .complained, .bouncedLater, .lost, .unknown:
            break
        }
    }

    private mutating func postpone(_ fact: DeliveryDeferred, at time: EventTime) {
        let key = OpenAttempts.Key(fact.recipient.message, fact.recipient.number)
        var attempts = attempts
        change(fact.recipient) { recipient in
            recipient.due = fact.nextDue
            if fact.inDoubt { recipient.inDoubt = true }
            if recipient.hasOpenIntent, fact.inDoubt, fact.saidBy != .administrator,
                fact.saidBy != .policy
            {
                let since = attempts[key]?.heldSince ?? time
                attempts[key]?.heldSince = since
            } else {
                recipient.hasOpenIntent = false
                attempts[key] = nil
            }
            let attempt = fact.attempt
            recipient.lastDeferral = LastDeferral(
                time: time,
                attempt: Attempt(
                    number: attempt.number, reply: attempt.reply, command: attempt.command,
                    peer: attempt.peer.map(Self.kept)),
                class: fact.class, saidBy: fact.saidBy)
        }
        self.attempts = attempts
    }

    private mutating func announce(_ fact: DeliveryAttempted, _ recorded: RecordedEvent) {
        let (id, number) = (fact.recipient.message, fact.recipient.number)
        var attempts = attempts
        change(fact.recipient) { recipient in
            recipient.hasOpenIntent = true
            attempts[OpenAttempts.Key(id, number)] = OpenAttempt(
                message: id, number: number, attempt: fact.attempt.number,
                announcedAt: recorded.event.time, sequence: recorded.sequence,
                peer: fact.attempt.peer.map(Self.kept))
        }
        self.attempts = attempts
    }

    private static func kept(_ peer: DeliveryPeer) -> DeliveryPeer {
        DeliveryPeer(
            host: peer.host, address: peer.address, port: peer.port,
            sourceAddress: peer.sourceAddress)
    }

    private mutating func rebind(_ selector: RecipientSelector, _ time: EventTime) {
        for (sequence, message) in messages {
            for (index, recipient) in message.recipients.enumerated() {
                let queue = QueueName(
                    campaign: message.campaign, tenant: message.tenant,
                    domain: recipient.mailbox.domain)
                guard selector.matches(queue, of: message.id), recipient.due > time else {
                    continue
                }
                messages[sequence]?.recipients[index].due = time
            }
        }
    }

    private func message(_ reference: RecipientReference) -> QueuedMessage? {
        messages[reference.message.sequence].flatMap { $0.id == reference.message ? $0 : nil }
    }

    private mutating func change(
        _ reference: RecipientReference, _ body: (inout QueuedRecipient) -> Void
    ) {
        guard var message = message(reference),
            let index = message.recipients.firstIndex(where: { $0.number == reference.number })
        else { return }
        body(&message.recipients[index])
        messages[reference.message.sequence] = message
    }

    private mutating func remove(_ reference: RecipientReference) {
        let sequence = reference.message.sequence
        guard let message = message(reference),
            let index = message.recipients.firstIndex(where: { $0.number == reference.number })
        else { return }
        messages[sequence]?.recipients.remove(at: index)
        attempts[OpenAttempts.Key(reference.message, reference.number)] = nil
        if message.recipients.count == 1, seen[sequence] ?? 0 >= message.recipientCount {
            messages[sequence] = nil
        }
    }

    /// In order of acceptance.
    var all: [QueuedMessage] { messages.keys.sorted().compactMap { messages[$0] } }

    var counts: QueueCounts {
        var counts = QueueCounts()
        for message in messages.values {
            counts.messages += 1
            counts.octets += message.sizeOctets
            counts.recipients += message.recipients.count
            counts.deferred += message.recipients.count { $0.lastDeferral != nil }
            counts.inDoubt += message.recipients.count { $0.inDoubt || $0.hasOpenIntent }
        }
        counts.held = attempts.values.count { $0.isHeld }
        return counts
    }
}

/// Streams that go where a busy server seldom does: many recipients, queued in any order, events
/// about messages and recipients that are not there.
struct OddStream {
    var random: SeededRandom
    private var sequence: UInt64 = 0
    private var time: Int64 = 1_790_000_000_000_000
    private var known: [(id: MessageID, recipients: Int, base: MessageReceived)] = []

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    mutating func events(_ count: Int) -> [RecordedEvent] {
        var events: [RecordedEvent] = []
        while events.count < count { append(&events) }
        return events
    }

    private mutating func add(_ fact: Fact, _ events: inout [RecordedEvent]) {
        sequence += 1
        time += Int64(random.below(1_000_000_000))
        events.append(
            RecordedEvent(
                sequence: sequence, epoch: 2,
                event: Event(time: EventTime(microseconds: time), fact: fact)))
    }

    private mutating func append(_ events: inout [RecordedEvent]) {
        guard !known.isEmpty, !random.oneIn(12) else { return accept(&events) }
        let one = known[random.below(known.count)]
        let id =
            random.oneIn(40)
            ? MessageID(epoch: UInt32(random.below(3)), sequence: UInt64(random.below(500)))
            : one.id
        let reference = RecipientReference(
            message: id, number: random.below(one.recipients + (random.oneIn(30) ? 40 : 0)),
            mailbox: mailbox(), tenant: one.base.tenant, campaign: one.base.campaign)
        if random.oneIn(15) { return add(order(about: reference), &events) }
        switch random.below(10) {
        case 0: add(.queued(queued(reference)), &events)
        case 1:
            add(.attempted(DeliveryAttempted(recipient: reference, attempt: attempt())), &events)
        case 2...5:
            add(
                .deferred(
                    DeliveryDeferred(
                        recipient: reference, attempt: attempt(), class: .transientFailure,
                        saidBy: [.remote, .local, .administrator, .policy][random.below(4)],
                        nextDue: due(), inDoubt: random.oneIn(3))), &events)
        case 6:
            add(
                .bounced(
                    DeliveryBounced(
                        recipient: reference, attempt: attempt(), class: .invalidRecipient,
                        saidBy: .remote)), &events)
        case 7:
            add(
                .expired(
                    DeliveryExpired(
                        recipient: reference, attempt: attempt(), class: .messageExpired,
                        saidBy: .local)), &events)
        default:
            add(.delivered(DeliverySucceeded(recipient: reference, attempt: attempt())), &events)
        }
    }

    private mutating func order(about reference: RecipientReference) -> Fact {
        let queue = reference.queue
        let selector = RecipientSelector(
            campaign: random.oneIn(2) ? "" : queue.campaign,
            tenant: random.oneIn(2) ? "" : queue.tenant,
            domain: random.oneIn(2) ? "" : queue.domain,
            message: random.oneIn(2) ? nil : reference.message)
        let order = ControlOrder(
            selector: selector, reason: random.oneIn(2) ? "" : "reason \(random.below(9))",
            actor: random.oneIn(2) ? "" : "cli")
        let until = random.oneIn(3) ? nil : due()
        return switch random.below(7) {
        case 0...2: .suspended(DeliverySuspended(order: order, until: until))
        case 3: .resumed(order)
        case 4: .cancelled(order)
        default: .rebound(order)
        }
    }

    private mutating func accept(_ events: inout [RecordedEvent]) {
        if known.count > 30 { known.remove(at: random.below(known.count)) }
        let recipients = random.oneIn(6) ? 1 + random.below(150) : 1 + random.below(3)
        let fact = MessageReceived(
            reversePath: random.oneIn(4)
                ? .null
                : .mailbox(Mailbox(localPart: "bounce+\(random.next())", domain: "s.example")),
            sizeOctets: random.below(1_000_000), contentSHA256: [UInt8](repeating: 1, count: 32),
            recipientCount: recipients, tenant: random.oneIn(2) ? "" : "tenant\(random.below(3))",
            campaign: random.oneIn(2) ? "" : "a campaign with a long name \(random.below(3))",
            body: [.sevenBit, .eightBitMIME, .binaryMIME][random.below(3)],
            smtpUTF8: random.oneIn(2),
            returnContent: [.unspecified, .full, .headers][random.below(3)],
            envelopeID: random.oneIn(3) ? "QQ+3D\(random.below(100))" : "",
            session: IngressSession(
                listener: "l", serverName: "mx.example", transmissionType: .esmtps))
        add(.received(fact), &events)
        let id = MessageID(epoch: 2, sequence: sequence)
        var numbers = Array(0..<recipients)
        if random.oneIn(3) { numbers.shuffle(using: &random) }
        for number in numbers {
            add(
                .queued(
                    queued(
                        RecipientReference(
                            message: id, number: number, mailbox: mailbox(), tenant: fact.tenant,
                            campaign: fact.campaign))), &events)
        }
        known.append((id, recipients, fact))
    }

    private mutating func queued(_ reference: RecipientReference) -> RecipientQueued {
        RecipientQueued(
            recipient: reference, due: due(), notify: NotifyOn(rawValue: UInt8(random.below(16))),
            originalRecipient: random.oneIn(3) ? "rfc822;x@example" : "")
    }

    private mutating func due() -> EventTime {
        EventTime(microseconds: time + Int64(random.below(10_000_000_000)) - 1_000_000_000)
    }

    private mutating func mailbox() -> Mailbox {
        Mailbox(
            localPart: random.oneIn(9) ? "jürgen" : "user\(random.next())",
            domain: ["a.example", "a-rather-long-domain-name.example", "c.example"][random.below(3)]
        )
    }

    private mutating func attempt() -> Attempt {
        Attempt(
            number: 1 + random.below(60),
            reply: Reply(
                UInt16(400 + random.below(60)),
                random.oneIn(3) ? nil : EnhancedStatusCode(4, UInt16(random.below(8)), 7),
                String(repeating: "try later ", count: random.below(20))),
            command: ["rcpt", "connect", "dot", ""][random.below(4)],
            peer: random.oneIn(2)
                ? nil
                : DeliveryPeer(
                    host: "mx.a.example", address: "192.0.2.1", port: 25,
                    sourceAddress: "198.51.100.7", tlsVersion: "TLSv1.3"),
            waitedMicroseconds: random.below(1000))
    }
}
