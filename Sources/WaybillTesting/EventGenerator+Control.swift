package import MailEvents
import MailModel

// Orders, suppressions and what comes back after a delivery.
extension EventGenerator {
    /// One of them with any values that a log may hold.
    mutating func arbitraryControl() -> Fact {
        switch random.below(8) {
        case 0: .suspended(DeliverySuspended(order: arbitraryOrder(), until: end()))
        case 1: .resumed(arbitraryOrder())
        case 2: .rebound(arbitraryOrder())
        case 3: .cancelled(arbitraryOrder())
        case 4:
            .suppressed(
                AddressSuppressed(
                    address: arbitraryAddress(), reason: text(), actor: text(), expires: end(),
                    message: random.oneIn(2) ? nil : message()))
        case 5:
            .unsuppressed(
                AddressUnsuppressed(
                    address: arbitraryAddress(), reason: text(), actor: text(),
                    message: random.oneIn(2) ? nil : message()))
        case 6:
            .complained(
                RecipientComplained(
                    recipient: recipient(), feedbackType: text(), reporter: text(), text: text(),
                    route: DeliveryRoute(host: text(), sourceAddress: text())))
        default:
            .bouncedLater(
                RecipientBouncedLater(
                    recipient: recipient(), reporter: text(), text: text(), class: bounceClass(),
                    saidBy: saidBy(),
                    route: DeliveryRoute(host: text(), sourceAddress: text())))
        }
    }

    private mutating func arbitraryOrder() -> ControlOrder {
        ControlOrder(
            selector: RecipientSelector(
                campaign: text(), tenant: text(), domain: text(),
                message: random.oneIn(2) ? nil : message()),
            reason: text(), actor: text())
    }

    private mutating func arbitraryAddress() -> SuppressedAddress {
        SuppressedAddress(tenant: text(), localPart: text(), domain: text())
    }

    /// Any instant but the event's own, or none.
    private mutating func end() -> EventTime? {
        let time = time()
        return time == clock ? nil : time
    }

    /// An order, a suppression or a report as a busy server would write it, about this recipient or
    /// others like it. Happens at ``clock``.
    package mutating func control(about recipient: RecipientReference) -> Fact {
        let queue = recipient.queue
        let selector =
            switch random.below(4) {
            case 0: RecipientSelector(domain: queue.domain)
            case 1: RecipientSelector(campaign: queue.campaign, tenant: queue.tenant)
            case 2: RecipientSelector(message: recipient.message)
            default: RecipientSelector(tenant: queue.tenant, domain: queue.domain)
            }
        let order = ControlOrder(selector: selector, reason: word(), actor: "cli")
        let address = SuppressedAddress(
            tenant: random.oneIn(3) ? "" : queue.tenant,
            localPart: random.oneIn(5) ? "" : recipient.mailbox.localPart, domain: queue.domain)
        let end = random.oneIn(3) ? nil : clock.adding(seconds: 1 + Int64(random.below(3600)))
        return switch random.below(9) {
        case 0, 1: .suspended(DeliverySuspended(order: order, until: end))
        case 2: .resumed(order)
        case 3: .rebound(order)
        case 4: .cancelled(order)
        case 5:
            .suppressed(
                AddressSuppressed(
                    address: address, reason: "unsubscribed", actor: "newsletter", expires: end,
                    message: random.oneIn(2) ? nil : recipient.message))
        case 6: .unsuppressed(AddressUnsuppressed(address: address, actor: "newsletter"))
        case 7:
            .complained(
                RecipientComplained(
                    recipient: recipient, feedbackType: "abuse", reporter: "Feedback/1.0",
                    text: "complaint \(token(8))", route: route(queue.domain)))
        default:
            .bouncedLater(
                RecipientBouncedLater(
                    recipient: recipient, reporter: "mx.\(queue.domain)",
                    text: "smtp; 552 5.2.2 \(token(8)) over quota", class: .quotaIssues,
                    saidBy: .remote, route: route(queue.domain)))
        }
    }

    /// The way that a delivery to a domain may have gone.
    private mutating func route(_ domain: String) -> DeliveryRoute {
        DeliveryRoute(
            host: "mx\(random.below(4) + 1).\(domain)",
            sourceAddress: "198.51.100.\(random.below(8))")
    }
}
