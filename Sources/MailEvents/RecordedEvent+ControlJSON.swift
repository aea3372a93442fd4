import MailModel

extension Fact {
    /// The members of orders, suppressions and what comes back after a delivery.
    func writeControl(to writer: inout JSONWriter) {
        switch self {
        case .suspended(let fact):
            fact.order.write(to: &writer)
            if let until = fact.until { writer.time(until, "until") }
        case .resumed(let order), .rebound(let order), .cancelled(let order):
            order.write(to: &writer)
        case .suppressed(let fact):
            fact.address.write(to: &writer)
            writer.text(fact.reason, "reason")
            writer.text(fact.actor, "actor")
            if let expires = fact.expires { writer.time(expires, "expires") }
        case .unsuppressed(let fact):
            fact.address.write(to: &writer)
            writer.text(fact.reason, "reason")
            writer.text(fact.actor, "actor")
        case .complained(let fact):
            fact.recipient.write(to: &writer)
            writer.text(fact.feedbackType, "feedback_type")
            writer.text(fact.reporter, "reporter")
            writer.text(fact.text, "text")
            fact.route.write(to: &writer)
        case .bouncedLater(let fact):
            fact.recipient.write(to: &writer)
            writer.text(fact.reporter, "reporter")
            writer.text(fact.text, "text")
            writer.failure(fact.class, fact.saidBy)
            fact.route.write(to: &writer)
        case .received, .queued, .deferred, .delivered, .bounced, .expired, .attempted, .rejected,
            .epochStarted, .configurationApplied, .contentReceived, .lost, .unknown:
            preconditionFailure("not such a fact: \(self)")
        }
    }
}

extension DeliveryRoute {
    fileprivate func write(to writer: inout JSONWriter) {
        if !host.isEmpty {
            writer.beginObject("mx")
            writer.string(host, "host")
            writer.endObject()
        }
        writer.text(sourceAddress, "source_address")
    }
}

extension ControlOrder {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.text(selector.tenant, "tenant")
        writer.text(selector.campaign, "campaign")
        writer.text(selector.domain, "domain")
        writer.text(reason, "reason")
        writer.text(actor, "actor")
    }
}

extension SuppressedAddress {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.text(tenant, "tenant")
        writer.text(localPart, "local_part")
        writer.string(domain, "domain")
    }
}
