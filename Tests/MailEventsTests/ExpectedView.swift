import MailEvents
import MailModel

/// What a visitor should see of a decoded event: the view without text numbers, and the texts.
struct ExpectedView {
    var view = EventView()
    /// Tenant, campaign, local-part, domain, MX host, reply's text, source address, identity, feedback
    /// type, ENVID, ORCPT, MX address, command.
    var names = [String](repeating: "", count: 13)

    init(_ recorded: RecordedEvent) {
        view.sequence = recorded.sequence
        view.time = recorded.event.time.microseconds
        view.message = recorded.messageID
        switch recorded.event.fact {
        case .received(let fact):
            view.type = 1
            view.sizeOctets = fact.sizeOctets
            view.recipientCount = UInt32(fact.recipientCount)
            view.reportsOn = fact.reportsOn
            names[0...1] = [fact.tenant, fact.campaign]
            if case .mailbox(let sender) = fact.reversePath {
                names[2...3] = [sender.localPart, sender.domain]
            }
            names[7] = fact.session.identity
            view.body = UInt32(fact.body.rawValue)
            view.returnContent = UInt32(fact.returnContent.rawValue)
            view.smtpUTF8 = fact.smtpUTF8
            names[9] = fact.envelopeID
        case .queued(let fact):
            view.type = 2
            set(fact.recipient)
            view.due = fact.due.microseconds
            view.notify = UInt32(fact.notify.rawValue)
            names[10] = fact.originalRecipient
        case .deferred(let fact):
            view.type = 3
            set(fact.recipient, fact.attempt, fact.class, fact.saidBy)
            view.due = fact.nextDue.microseconds
            view.inDoubt = fact.inDoubt
        case .delivered(let fact):
            view.type = 4
            set(fact.recipient, fact.attempt)
        case .bounced(let fact):
            view.type = 5
            set(fact.recipient, fact.attempt, fact.class, fact.saidBy)
        case .expired(let fact):
            view.type = 6
            set(fact.recipient, fact.attempt, fact.class, fact.saidBy)
        case .attempted(let fact):
            view.type = 7
            set(fact.recipient, fact.attempt)
        case .rejected(let fact):
            view.type = 10
            names[7] = fact.identity
            set(fact.reply)
        case .epochStarted: view.type = 32
        case .configurationApplied: view.type = 40
        case .contentReceived(let fact):
            view.type = 44
            view.sizeOctets = fact.sizeOctets
        case .lost: view.type = 43
        case .unknown(let type, _): view.type = type
        default: setControl(recorded.event.fact)
        }
    }

    private mutating func setControl(_ fact: Fact) {
        switch fact {
        case .suspended(let fact):
            view.type = 33
            view.until = fact.until?.microseconds
            set(fact.order.selector)
        case .resumed(let order):
            view.type = 34
            set(order.selector)
        case .rebound(let order):
            view.type = 35
            set(order.selector)
        case .cancelled(let order):
            view.type = 36
            set(order.selector)
        case .suppressed(let fact):
            view.type = 11
            view.until = fact.expires?.microseconds
            set(fact.address)
        case .unsuppressed(let fact):
            view.type = 12
            set(fact.address)
        case .complained(let fact):
            view.type = 8
            set(fact.recipient)
            names[8] = fact.feedbackType
            (names[4], names[6]) = (fact.route.host, fact.route.sourceAddress)
        case .bouncedLater(let fact):
            view.type = 9
            set(fact.recipient)
            set(fact.class, fact.saidBy)
            (names[4], names[6]) = (fact.route.host, fact.route.sourceAddress)
        default: break
        }
    }

    private mutating func set(_ recipient: RecipientReference) {
        view.recipientNumber = UInt32(recipient.number)
        names[0...3] = [
            recipient.tenant, recipient.campaign, recipient.mailbox.localPart,
            recipient.mailbox.domain,
        ]
    }

    private mutating func set(_ recipient: RecipientReference, _ attempt: Attempt) {
        set(recipient)
        view.attempt = UInt32(attempt.number)
        set(attempt.reply)
        view.waitedMicroseconds = attempt.waitedMicroseconds
        view.transactionMicroseconds = attempt.transactionMicroseconds
        let peer = attempt.peer
        names[4...6] = [peer?.host ?? "", attempt.reply.text, peer?.sourceAddress ?? ""]
        view.hasPeer = peer != nil
        view.mxPort = UInt32(peer?.port ?? 0)
        (names[11], names[12]) = (peer?.address ?? "", attempt.command)
    }

    private mutating func set(
        _ recipient: RecipientReference, _ attempt: Attempt, _ class: BounceClass, _ saidBy: SaidBy
    ) {
        set(recipient, attempt)
        set(`class`, saidBy)
    }

    private mutating func set(_ class: BounceClass, _ saidBy: SaidBy) {
        view.bounceClass = UInt32(`class`.rawValue)
        view.saidBy = UInt32(saidBy.rawValue)
    }

    private mutating func set(_ selector: RecipientSelector) {
        (names[0], names[1]) = (selector.tenant, selector.campaign)
        names[3] = selector.domain
    }

    private mutating func set(_ address: SuppressedAddress) {
        (names[0], names[2]) = (address.tenant, address.localPart)
        names[3] = address.domain
    }

    private mutating func set(_ reply: Reply) {
        view.replyCode = UInt32(reply.code)
        guard let status = reply.status else { return }
        view.enhancedStatus =
            UInt32(status.class) * 1_000_000 + UInt32(status.subject) * 1000
            + UInt32(status.detail)
    }
}
