import MailEvents
import MailModel

extension EventLine {
    /// Address and details of orders, suppressions and what comes back after a delivery.
    static func control(_ fact: Fact) -> (recipient: String, detail: String) {
        switch fact {
        case .suspended(let fact):
            let until = fact.until.map { " until \(time($0))" } ?? ""
            return ("", scope(fact.order.selector) + until + because(fact.order))
        case .resumed(let order), .rebound(let order), .cancelled(let order):
            return ("", scope(order.selector) + because(order))
        case .suppressed(let fact):
            let expires = fact.expires.map { " until \(time($0))" } ?? ""
            return (
                fact.address.shown,
                onBehalf(fact.address) + expires + because(fact.reason, fact.actor)
            )
        case .unsuppressed(let fact):
            return (
                fact.address.shown, onBehalf(fact.address) + because(fact.reason, fact.actor)
            )
        case .complained(let fact):
            let text = fact.text.isEmpty ? "" : ": \(fact.text)"
            return (
                fact.recipient.mailbox.description, fact.feedbackType + by(fact.reporter) + text
            )
        case .bouncedLater(let fact):
            let text = fact.text.isEmpty ? "" : ": \(fact.text)"
            let shown = fact.class == .none ? "" : ", class \(fact.class.name)"
            return (
                fact.recipient.mailbox.description, "returned" + by(fact.reporter) + text + shown
            )
        case .received, .queued, .deferred, .delivered, .bounced, .expired, .attempted, .rejected,
            .epochStarted, .configurationApplied, .contentReceived, .lost, .unknown:
            return ("", "")
        }
    }

    /// Which recipients, as in a queue's name.
    private static func scope(_ selector: RecipientSelector) -> String {
        let parts = [
            ("campaign", selector.campaign), ("tenant", selector.tenant),
            ("domain", selector.domain), ("message", selector.message?.description ?? ""),
        ]
        let named = parts.filter { !$0.1.isEmpty }.map { "\($0.0) \($0.1)" }
        return named.isEmpty ? "everything" : named.joined(separator: ", ")
    }

    private static func onBehalf(_ address: SuppressedAddress) -> String {
        address.tenant.isEmpty ? "for everybody" : "for tenant \(address.tenant)"
    }

    private static func because(_ order: ControlOrder) -> String {
        because(order.reason, order.actor)
    }

    private static func because(_ reason: String, _ actor: String) -> String {
        by(actor) + (reason.isEmpty ? "" : ": \(reason)")
    }

    private static func by(_ actor: String) -> String { actor.isEmpty ? "" : " by \(actor)" }
}

extension SuppressedAddress {
    /// `ann@example.org`, or `@example.org` for a whole domain.
    fileprivate var shown: String { "\(localPart)@\(domain)" }
}
