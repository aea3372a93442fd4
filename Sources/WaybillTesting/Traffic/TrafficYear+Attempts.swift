import MailEvents
import MailModel

// What becomes of a recipient.
extension TrafficYear {
    /// The largest interval between attempts and the age at which a message is given up, seconds:
    /// those of the default schedule.
    private static let firstIntervalSeconds: Int64 = 300
    private static let intervalSecondsMax: Int64 = 14_400
    private static let ageMicrosecondsMax: Int64 = 432_000_000_000
    /// A host that does not answer is waited for so long, microseconds.
    private static let connectMicroseconds = 30_000_000

    mutating func attempt(_ entry: TrafficHeap.Entry) {
        var recipient = recipients[entry.index]
        if recipient.domain == suspendedDomain, entry.time < suspendedUntil {
            heap.push(
                .attempt, entry.index, at: suspendedUntil + 1_000_000 + within(60_000_000))
            return
        }
        if suppressed.contains(Self.key(recipient)) {
            return finish(entry, .bounced(suppressedBounce(recipient)))
        }
        recipient.attempts += 1
        recipients[entry.index] = recipient
        let domain = domains.all[Int(recipient.domain)]
        switch verdict(recipient, domain) {
        case .taken: deliver(entry, recipient, domain)
        case .failed(let reply, let bounceClass, let saidBy, let command):
            finish(
                entry,
                .bounced(
                    DeliveryBounced(
                        recipient: reference(recipient),
                        attempt: attemptMade(recipient, domain, reply, command), class: bounceClass,
                        saidBy: saidBy)))
            if bounceClass == .invalidRecipient,
                random.below(1000) < TrafficPlan.Shares.suppressedAfterBounce
            {
                suppress(recipient, "hard bounce", at: entry.time)
            }
        case .postponed(let reply, let bounceClass, let saidBy, let command):
            postpone(entry, recipient, domain, reply, bounceClass, saidBy, command)
        }
    }

    /// What an attempt comes to.
    private enum Verdict {
        case taken
        case failed(Reply, BounceClass, SaidBy, String)
        case postponed(Reply, BounceClass, SaidBy, String)
    }

    private mutating func verdict(
        _ recipient: TrafficRecipient, _ domain: TrafficDomains.Domain
    ) -> Verdict {
        switch domain.manner {
        case .dead:
            return .postponed(
                Reply(451, EnhancedStatusCode(4, 4, 1), "connection timed out"),
                .noAnswerFromHost, .local, "connect")
        case .missing:
            return .failed(
                Reply(550, EnhancedStatusCode(5, 1, 2), "the domain does not exist"), .badDomain,
                .local, "")
        case .greylists
        where recipient.attempts == 1 && random.below(1000) < TrafficPlan.Shares.greylisted:
            return .postponed(
                Reply(
                    450, EnhancedStatusCode(4, 2, 0),
                    "<\(mailbox(recipient))>: Recipient address rejected: Greylisted, see "
                        + "http://postgrey.example/\(TrafficNames.token(8, &random))"),
                .transientFailure, .remote, "rcpt")
        case .greylists, .plain: break
        }
        if let verdict = mailboxVerdict(recipient, domain) { return verdict }
        guard recipient.isBulk else { return doubt() ?? .taken }
        if domain.isLarge, recipient.attempts < 4,
            random.below(1000) < TrafficPlan.Shares.throttled
        {
            return .postponed(
                Reply(
                    421, EnhancedStatusCode(4, 7, 28),
                    "Our system has detected an unusual rate of mail from your address. "
                        + TrafficNames.token(16, &random)), .policyRelated, .remote, "mail")
        }
        if random.below(1000) < TrafficPlan.Shares.spam {
            return .failed(
                Reply(
                    550, EnhancedStatusCode(5, 7, 1),
                    "Message blocked as unsolicited (\(TrafficNames.token(12, &random)))"),
                .spamRelated, .remote, "dot")
        }
        return doubt() ?? .taken
    }

    private mutating func mailboxVerdict(
        _ recipient: TrafficRecipient, _ domain: TrafficDomains.Domain
    ) -> Verdict? {
        let luck = Int(recipient.person >> 17 % 1000)
        if luck < TrafficPlan.Shares.unknownMailbox {
            return .failed(
                Reply(
                    550, EnhancedStatusCode(5, 1, 1),
                    "The email account that you tried to reach does not exist.\n"
                        + TrafficNames.token(14, &random)), .invalidRecipient, .remote, "rcpt")
        }
        let full = TrafficPlan.Shares.unknownMailbox + TrafficPlan.Shares.fullMailbox
        guard luck < full, recipient.attempts < 12, random.oneIn(2) else { return nil }
        return .postponed(
            Reply(
                452, EnhancedStatusCode(4, 2, 2),
                "<\(mailbox(recipient))>: mailbox over quota \(TrafficNames.token(6, &random))"),
            .quotaIssues, .remote, "rcpt")
    }

    private mutating func doubt() -> Verdict? {
        guard random.below(100_000) < TrafficPlan.Shares.doubt else { return nil }
        return .postponed(
            Reply(451, EnhancedStatusCode(4, 4, 2), "connection lost after the final dot"),
            .badConnection, .local, "dot")
    }

    private mutating func deliver(
        _ entry: TrafficHeap.Entry, _ recipient: TrafficRecipient, _ domain: TrafficDomains.Domain
    ) {
        let reply = acceptance(domain, entry.time)
        emit(
            entry.time,
            .delivered(
                DeliverySucceeded(
                    recipient: reference(recipient),
                    attempt: attemptMade(recipient, domain, reply, "dot"))))
        let chance = random.below(100_000)
        if recipient.isBulk, domain.isLarge, chance < TrafficPlan.Shares.complaint {
            let hours = 1 + random.below(1 + random.below(48))
            heap.push(.complaint, entry.index, at: later(entry.time, hours: hours))
        } else if chance > 99_999 - TrafficPlan.Shares.lateBounce {
            let hours = random.below(1 + random.below(24))
            heap.push(.lateBounce, entry.index, at: later(entry.time, hours: hours))
        } else {
            recipients.remove(entry.index)
        }
    }

    private mutating func later(_ time: Int64, hours: Int) -> Int64 {
        time + Int64(hours) * 3_600_000_000 + within(3_600_000_000)
    }

    private mutating func postpone(
        _ entry: TrafficHeap.Entry, _ recipient: TrafficRecipient,
        _ domain: TrafficDomains.Domain, _ reply: Reply, _ bounceClass: BounceClass,
        _ saidBy: SaidBy, _ command: String
    ) {
        let attempt = attemptMade(recipient, domain, reply, command)
        let end = recipient.receivedAt + Self.ageMicrosecondsMax
        guard entry.time < end else {
            let class_ = BounceClass.messageExpired
            return finish(
                entry,
                .expired(
                    DeliveryExpired(
                        recipient: reference(recipient), attempt: attempt, class: class_,
                        saidBy: .local)))
        }
        let doublings = min(Int(recipient.attempts) - 1, 10)
        let seconds = min(Self.firstIntervalSeconds << doublings, Self.intervalSecondsMax)
        let interval = seconds * 900_000 + within(seconds * 200_000)
        let next = min(entry.time + interval, end)
        emit(
            entry.time,
            .deferred(
                DeliveryDeferred(
                    recipient: reference(recipient), attempt: attempt, class: bounceClass,
                    saidBy: saidBy, nextDue: EventTime(microseconds: next),
                    inDoubt: bounceClass == .badConnection)))
        heap.push(.attempt, entry.index, at: next + within(500_000))
    }

    /// Emits what is final, and forgets the recipient.
    private mutating func finish(_ entry: TrafficHeap.Entry, _ fact: Fact) {
        emit(entry.time, fact)
        recipients.remove(entry.index)
    }

    // MARK: What events say

    func mailbox(_ recipient: TrafficRecipient) -> Mailbox {
        Mailbox(
            localPart: TrafficNames.localPart(recipient.person),
            domain: domains.all[Int(recipient.domain)].name)
    }

    func reference(_ recipient: TrafficRecipient) -> RecipientReference {
        RecipientReference(
            message: MessageID(epoch: 1, sequence: recipient.message),
            number: Int(recipient.number), mailbox: mailbox(recipient),
            tenant: senders.tenants[Int(recipient.tenant)].name, campaign: recipient.campaign)
    }

    private func suppressedBounce(_ recipient: TrafficRecipient) -> DeliveryBounced {
        DeliveryBounced(
            recipient: reference(recipient),
            attempt: Attempt(
                number: 0,
                reply: Reply(550, EnhancedStatusCode(5, 7, 1), "the recipient is suppressed"),
                command: ""), class: .policyRelated, saidBy: .suppression)
    }

    private mutating func attemptMade(
        _ recipient: TrafficRecipient, _ domain: TrafficDomains.Domain, _ reply: Reply,
        _ command: String
    ) -> Attempt {
        var attempt = Attempt(
            number: Int(recipient.attempts), reply: reply, command: command,
            waitedMicroseconds: random.below(recipient.isBulk ? 400_000 : 4000))
        switch domain.manner {
        case .dead: attempt.connectingMicroseconds = Self.connectMicroseconds
        case .missing: break
        case .plain, .greylists:
            let source = (Int(recipient.tenant) * 2 + random.below(2)) % 12
            attempt.peer = peers.peer(
                domain, number: recipient.domain, host: random.below(domain.hosts.count),
                source: source)
            attempt.connectingMicroseconds =
                random.oneIn(5) ? 30_000 + random.below(90_000) : 0
            attempt.transactionMicroseconds = 20_000 + random.below(400_000)
        }
        return attempt
    }

    private mutating func acceptance(
        _ domain: TrafficDomains.Domain, _ time: Int64
    ) -> Reply {
        switch domain.dialect {
        case .queueToken:
            Reply(
                250, EnhancedStatusCode(2, 0, 0),
                "OK  \(time / 1_000_000) \(TrafficNames.token(13, &random))-"
                    + "\(TrafficNames.token(20, &random)).\(random.below(999)) - gsmtp")
        case .internalID:
            Reply(
                250, EnhancedStatusCode(2, 6, 0),
                "<\(TrafficNames.token(20, &random))@mail.example> [InternalId="
                    + "\(random.below(90_000_000_000)), Hostname="
                    + "\(TrafficNames.token(10, &random)).example] Queued mail for delivery")
        case .queuedAs:
            Reply(
                250, EnhancedStatusCode(2, 0, 0),
                "Ok: queued as \(TrafficNames.token(11, &random))")
        }
    }
}
