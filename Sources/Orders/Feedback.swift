package import MailEvents
package import MailModel

/// What came back later about a message that was delivered: a complaint or a bounce.
///
/// Concurrency: value.
package struct Feedback: Hashable, Sendable {
    /// What it is.
    package enum Kind: Hashable, Sendable {
        /// With its feedback type (RFC 5965 section 3.1).
        case complaint(type: String)
        /// With the reply in it.
        case bounce(Reply)
    }

    package var kind: Kind
    package var message: MessageID
    /// nil: that of a message with only one.
    package var recipient: Mailbox?
    /// Who reports; empty when that is not known.
    package var reporter = ""
    /// In words; empty for nothing.
    package var text = ""
    /// Nothing more is to be sent there on behalf of the message's tenant.
    package var suppresses = false

    /// Creates a feedback.
    package init(_ kind: Kind, message: MessageID, recipient: Mailbox? = nil) {
        self.kind = kind
        self.message = message
        self.recipient = recipient
    }

    /// Throws `invalid` for a text that is too long.
    func check() throws(OrderError) {
        var texts = [("reporter", reporter), ("text", text)]
        if case .complaint(let type) = kind { texts.append(("feedback_type", type)) }
        for (name, text) in texts where text.utf8.count > OrderLimits.reportOctets {
            throw .invalid(name, "It has more than \(OrderLimits.reportOctets) octets.")
        }
    }
}

/// Where a feedback was recorded.
///
/// Concurrency: value.
package struct FeedbackResult: Equatable, Sendable {
    package var recipient: RecipientReference
    /// Of its event.
    package var sequence: UInt64
    /// Whether the address was not suppressed before and is now.
    package var hasSuppressed: Bool
}

extension OrderDesk {
    /// Records a feedback. `recipients` are those of the message, as its `queued` events name them;
    /// empty when there is no such message. `routes` says by recipient's number which way a delivery
    /// went: provider and source address that the feedback is counted for.
    ///
    /// Throws `notFound` when the giver may not know of the message, or it has no such recipient.
    package func record(
        _ feedback: Feedback, recipients: [RecipientReference],
        routes: [Int: DeliveryRoute] = [:], by giver: OrderGiver
    ) async throws(OrderError) -> FeedbackResult {
        try feedback.check()
        let own = recipients.filter { giver.sees(tenant: $0.tenant) }
        guard !own.isEmpty else { throw .notFound("The log has no message \(feedback.message).") }
        guard feedback.recipient != nil || own.count == 1 else {
            throw .invalid("recipient", "The message has several recipients; say which.")
        }
        let named = feedback.recipient
        guard
            let recipient = own.first(where: {
                guard let named else { return true }
                return $0.mailbox.domain == named.domain
                    && $0.mailbox.localPart.asciiLowercased() == named.localPart.asciiLowercased()
            })
        else { throw .notFound("The message has no such recipient.") }
        let route = routes[recipient.number] ?? DeliveryRoute()
        let sequence = try await append([Self.fact(feedback, recipient, route)])
        guard feedback.suppresses else {
            return FeedbackResult(recipient: recipient, sequence: sequence, hasSuppressed: false)
        }
        let draft = SuppressionDraft(
            address: SuppressedAddress(
                tenant: recipient.tenant, localPart: recipient.mailbox.localPart,
                domain: recipient.mailbox.domain),
            reason: Self.reason(feedback), message: recipient.message)
        let tally = try await suppress([draft], by: giver)
        return FeedbackResult(
            recipient: recipient, sequence: sequence, hasSuppressed: tally.added > 0)
    }

    private static func reason(_ feedback: Feedback) -> String {
        switch feedback.kind {
        case .complaint(let type): "complained (\(type))"
        case .bounce(let reply):
            reply.status.map { "bounced later (\($0))" } ?? "bounced later"
        }
    }

    private static func fact(
        _ feedback: Feedback, _ recipient: RecipientReference, _ route: DeliveryRoute
    ) -> Fact {
        switch feedback.kind {
        case .complaint(let type):
            .complained(
                RecipientComplained(
                    recipient: recipient, feedbackType: type.asciiLowercased(),
                    reporter: feedback.reporter, text: feedback.text, route: route))
        case .bounce(let reply):
            .bouncedLater(
                RecipientBouncedLater(
                    recipient: recipient, reporter: feedback.reporter, text: feedback.text,
                    class: BounceClassifier().classify(reply), saidBy: .remote, route: route))
        }
    }
}
