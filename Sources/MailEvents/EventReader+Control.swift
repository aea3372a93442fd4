import MailModel

// Orders, suppressions and what comes back after a delivery: rare, so apart from the frequent types.
extension EventReader {
    mutating func suspended(
        _ message: MessageID?, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> DeliverySuspended {
        let (order, until) = try controlEntry(message, bytes)
        return DeliverySuspended(order: order, until: until)
    }

    mutating func order(
        _ message: MessageID?, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> ControlOrder {
        try controlEntry(message, bytes).order
    }

    mutating func suppressed(
        _ message: MessageID?, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> AddressSuppressed {
        AddressSuppressed(
            address: try address(bytes), reason: try text(.addressReasonString, bytes),
            actor: try text(.addressActorString, bytes),
            expires: try instant(.addressExpiresDelay, bytes), message: message)
    }

    mutating func unsuppressed(
        _ message: MessageID?, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> AddressUnsuppressed {
        let fact = try suppressed(message, bytes)
        return AddressUnsuppressed(
            address: fact.address, reason: fact.reason, actor: fact.actor, message: message)
    }

    mutating func complained(
        _ message: MessageID, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> RecipientComplained {
        var fact = RecipientComplained(
            recipient: try feedbackRecipient(message, bytes),
            feedbackType: try text(.feedbackFeedbackTypeString, bytes),
            reporter: try text(.feedbackReporterString, bytes),
            text: try text(.feedbackTextString, bytes))
        _ = try columns.small(.feedbackClass, bytes)
        _ = try columns.small(.feedbackSaidBy, bytes)
        fact.route = try feedbackRoute(bytes)
        return fact
    }

    mutating func bouncedLater(
        _ message: MessageID, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> RecipientBouncedLater {
        let recipient = try feedbackRecipient(message, bytes)
        _ = try columns.textNumber(.feedbackFeedbackTypeString, bytes)
        return RecipientBouncedLater(
            recipient: recipient, reporter: try text(.feedbackReporterString, bytes),
            text: try text(.feedbackTextString, bytes),
            class: BounceClass(rawValue: try byte(.feedbackClass, bytes)) ?? .none,
            saidBy: SaidBy(rawValue: try byte(.feedbackSaidBy, bytes)) ?? .remote,
            route: try feedbackRoute(bytes))
    }

    private mutating func controlEntry(
        _ message: MessageID?, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> (order: ControlOrder, until: EventTime?) {
        let selector = RecipientSelector(
            recordedCampaign: try text(.controlCampaignString, bytes),
            tenant: try text(.controlTenantString, bytes),
            domain: try text(.controlDomainString, bytes), message: message)
        let order = ControlOrder(
            selector: selector, reason: try text(.controlReasonString, bytes),
            actor: try text(.controlActorString, bytes))
        return (order, try instant(.controlUntilDelay, bytes))
    }

    private mutating func address(
        _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> SuppressedAddress {
        SuppressedAddress(
            recordedTenant: try text(.addressTenantString, bytes),
            localPart: try text(.addressLocalString, bytes),
            domain: try text(.addressDomainString, bytes))
    }

    private mutating func feedbackRecipient(
        _ message: MessageID, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> RecipientReference {
        RecipientReference(
            message: message, number: Int(try columns.small(.feedbackNumber, bytes)),
            mailbox: Mailbox(
                recorded: try text(.feedbackLocalString, bytes),
                try text(.feedbackDomainString, bytes)),
            tenant: try text(.feedbackTenantString, bytes),
            campaign: try text(.feedbackCampaignString, bytes))
    }

    private mutating func feedbackRoute(
        _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> DeliveryRoute {
        DeliveryRoute(
            host: try text(.feedbackMxHostString, bytes),
            sourceAddress: try text(.feedbackSourceAddressString, bytes))
    }

    /// An instant kept as microseconds from the event; nil for zero.
    private mutating func instant(
        _ column: BatchColumn, _ bytes: Span<UInt8>
    ) throws(BatchDecodingError) -> EventTime? {
        let delay = try columns.signed(column, bytes)
        return delay == 0 ? nil : EventTime(microseconds: time &+ delay)
    }
}
