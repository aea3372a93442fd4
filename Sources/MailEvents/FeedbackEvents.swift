package import MailModel

/// Which way a delivered message went, as the event of its delivery says: what a report that came
/// later is counted for.
package struct DeliveryRoute: Equatable, Sendable {
    /// Name of the MX host that took the message; empty when it is not known.
    package var host: String
    /// Our own end's IP address; empty when it is not known.
    package var sourceAddress: String

    package init(host: String = "", sourceAddress: String = "") {
        self.host = host
        self.sourceAddress = sourceAddress
    }
}

/// `complained`: a report says that the recipient of a delivered message complained (RFC 5965).
package struct RecipientComplained: Equatable, Sendable {
    package var recipient: RecipientReference
    /// Feedback-Type (RFC 5965 section 3.1), lower case: `abuse`, `fraud`, `not-spam`, ...
    package var feedbackType: String
    /// Who says so: Reporting-MTA or User-Agent of the report; empty when it has neither.
    package var reporter: String
    /// What the report says in words; empty for nothing.
    package var text: String
    package var route: DeliveryRoute

    package init(
        recipient: RecipientReference, feedbackType: String, reporter: String = "",
        text: String = "", route: DeliveryRoute = DeliveryRoute()
    ) {
        self.recipient = recipient
        self.feedbackType = feedbackType
        self.reporter = reporter
        self.text = text
        self.route = route
    }
}

/// `bounced_later`: a message that a next hop had taken was returned by a delivery status
/// notification afterwards (RFC 3464).
package struct RecipientBouncedLater: Equatable, Sendable {
    package var recipient: RecipientReference
    /// Reporting-MTA of the notification.
    package var reporter: String
    /// The diagnostic, for example the reply in Diagnostic-Code.
    package var text: String
    package var `class`: BounceClass
    package var saidBy: SaidBy
    package var route: DeliveryRoute

    package init(
        recipient: RecipientReference, reporter: String, text: String, class: BounceClass,
        saidBy: SaidBy, route: DeliveryRoute = DeliveryRoute()
    ) {
        self.recipient = recipient
        self.reporter = reporter
        self.text = text
        self.class = `class`
        self.saidBy = saidBy
        self.route = route
    }
}
