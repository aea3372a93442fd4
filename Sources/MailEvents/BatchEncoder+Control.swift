import MailModel

// Orders, suppressions and what comes back after a delivery: rare, so apart from the frequent types.
extension BatchEncoder {
    /// Puts such a fact into its columns.
    ///
    /// - Returns: the event type's number.
    mutating func encodeControl(_ fact: Fact, row: Int) -> UInt64 {
        switch fact {
        case .suspended(let fact):
            encode(fact.order, until: fact.until, row: row)
            return UInt64(EventType.suspended.rawValue)
        case .resumed(let order):
            encode(order, until: nil, row: row)
            return UInt64(EventType.resumed.rawValue)
        case .rebound(let order):
            encode(order, until: nil, row: row)
            return UInt64(EventType.rebound.rawValue)
        case .cancelled(let order):
            encode(order, until: nil, row: row)
            return UInt64(EventType.cancelled.rawValue)
        case .suppressed(let fact):
            reference(fact.message, row: row)
            encode(fact.address, fact.reason, fact.actor, expires: fact.expires)
            return UInt64(EventType.suppressed.rawValue)
        case .unsuppressed(let fact):
            reference(fact.message, row: row)
            encode(fact.address, fact.reason, fact.actor, expires: nil)
            return UInt64(EventType.unsuppressed.rawValue)
        case .complained(let fact):
            encode(
                fact.recipient, type: fact.feedbackType, fact.reporter, fact.text, .none, .remote,
                fact.route, row: row)
            return UInt64(EventType.complained.rawValue)
        case .bouncedLater(let fact):
            encode(
                fact.recipient, type: "", fact.reporter, fact.text, fact.class, fact.saidBy,
                fact.route, row: row)
            return UInt64(EventType.bouncedLater.rawValue)
        case .received, .queued, .deferred, .delivered, .bounced, .expired, .attempted, .rejected,
            .epochStarted, .configurationApplied, .contentReceived, .lost, .unknown:
            preconditionFailure("not such a fact: \(fact)")
        }
    }

    private mutating func encode(_ order: ControlOrder, until: EventTime?, row: Int) {
        reference(order.selector.message, row: row)
        let entry = begin(.control)
        put(.controlCampaignString, entry, order.selector.campaign)
        put(.controlTenantString, entry, order.selector.tenant)
        put(.controlDomainString, entry, order.selector.domain)
        put(.controlReasonString, entry, order.reason)
        put(.controlActorString, entry, order.actor)
        put(.controlUntilDelay, entry, signed: delay(until))
    }

    private mutating func encode(
        _ address: SuppressedAddress, _ reason: String, _ actor: String, expires: EventTime?
    ) {
        let entry = begin(.address)
        put(.addressTenantString, entry, address.tenant)
        put(.addressLocalString, entry, address.localPart)
        put(.addressDomainString, entry, address.domain)
        put(.addressReasonString, entry, reason)
        put(.addressActorString, entry, actor)
        put(.addressExpiresDelay, entry, signed: delay(expires))
    }

    private mutating func encode(
        _ recipient: RecipientReference, type: String, _ reporter: String, _ text: String,
        _ class: BounceClass, _ saidBy: SaidBy, _ route: DeliveryRoute, row: Int
    ) {
        reference(recipient.message, row: row)
        let entry = begin(.feedback)
        put(.feedbackNumber, entry, recipient.number)
        put(.feedbackLocalString, entry, recipient.mailbox.localPart)
        put(.feedbackDomainString, entry, recipient.mailbox.domain)
        put(.feedbackTenantString, entry, recipient.tenant)
        put(.feedbackCampaignString, entry, recipient.campaign)
        put(.feedbackFeedbackTypeString, entry, type)
        put(.feedbackReporterString, entry, reporter)
        put(.feedbackTextString, entry, text)
        put(.feedbackClass, entry, UInt64(`class`.rawValue))
        put(.feedbackSaidBy, entry, UInt64(saidBy.rawValue))
        put(.feedbackMxHostString, entry, route.host)
        put(.feedbackSourceAddressString, entry, route.sourceAddress)
    }

    /// Microseconds from the event to the instant; zero for none.
    private func delay(_ instant: EventTime?) -> Int64 {
        instant.map { $0.microseconds &- time } ?? 0
    }
}
