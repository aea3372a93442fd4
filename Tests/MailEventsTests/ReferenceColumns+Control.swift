import EventSchema
import MailEvents
import MailModel

extension ReferenceColumns {
    /// Orders, suppressions and what comes back after a delivery.
    mutating func addControl(_ fact: Fact, now: Int64) {
        switch fact {
        case .suspended(let fact):
            batch.type.append(33)
            add(fact.order, until: fact.until.map { $0.microseconds &- now } ?? 0)
        case .resumed(let order):
            batch.type.append(34)
            add(order, until: 0)
        case .rebound(let order):
            batch.type.append(35)
            add(order, until: 0)
        case .cancelled(let order):
            batch.type.append(36)
            add(order, until: 0)
        case .suppressed(let fact):
            batch.type.append(11)
            add(
                fact.address, fact.reason, fact.actor,
                fact.expires.map { $0.microseconds &- now } ?? 0)
        case .unsuppressed(let fact):
            batch.type.append(12)
            add(fact.address, fact.reason, fact.actor, 0)
        case .complained(let fact):
            batch.type.append(8)
            add(
                fact.recipient, fact.feedbackType, fact.reporter, fact.text, 0, 0, fact.route)
        case .bouncedLater(let fact):
            batch.type.append(9)
            add(
                fact.recipient, "", fact.reporter, fact.text, UInt32(fact.class.rawValue),
                UInt32(fact.saidBy.rawValue), fact.route)
        default: break
        }
    }

    private mutating func add(_ order: ControlOrder, until: Int64) {
        batch.control.campaignString.append(text(order.selector.campaign))
        batch.control.tenantString.append(text(order.selector.tenant))
        batch.control.domainString.append(text(order.selector.domain))
        batch.control.reasonString.append(text(order.reason))
        batch.control.actorString.append(text(order.actor))
        batch.control.untilDelay.append(until)
    }

    private mutating func add(
        _ address: SuppressedAddress, _ reason: String, _ actor: String, _ expires: Int64
    ) {
        batch.address.tenantString.append(text(address.tenant))
        batch.address.localString.append(text(address.localPart))
        batch.address.domainString.append(text(address.domain))
        batch.address.reasonString.append(text(reason))
        batch.address.actorString.append(text(actor))
        batch.address.expiresDelay.append(expires)
    }

    private mutating func add(
        _ recipient: RecipientReference, _ type: String, _ reporter: String, _ words: String,
        _ class: UInt32, _ saidBy: UInt32, _ route: DeliveryRoute
    ) {
        batch.feedback.number.append(UInt32(recipient.number))
        batch.feedback.localString.append(text(recipient.mailbox.localPart))
        batch.feedback.domainString.append(text(recipient.mailbox.domain))
        batch.feedback.tenantString.append(text(recipient.tenant))
        batch.feedback.campaignString.append(text(recipient.campaign))
        batch.feedback.feedbackTypeString.append(text(type))
        batch.feedback.reporterString.append(text(reporter))
        batch.feedback.textString.append(text(words))
        batch.feedback.class.append(`class`)
        batch.feedback.saidBy.append(saidBy)
        batch.feedback.mxHostString.append(text(route.host))
        batch.feedback.sourceAddressString.append(text(route.sourceAddress))
    }

    /// A column of zeros is left out.
    mutating func dropControl() {
        if batch.hasControl {
            drop(\.control.campaignString)
            drop(\.control.tenantString)
            drop(\.control.domainString)
            drop(\.control.reasonString)
            drop(\.control.actorString)
            drop(\.control.untilDelay)
            if batch.control == .init() { batch.clearControl() }
        }
        if batch.hasAddress {
            drop(\.address.tenantString)
            drop(\.address.localString)
            drop(\.address.domainString)
            drop(\.address.reasonString)
            drop(\.address.actorString)
            drop(\.address.expiresDelay)
            if batch.address == .init() { batch.clearAddress() }
        }
        guard batch.hasFeedback else { return }
        drop(\.feedback.number)
        drop(\.feedback.localString)
        drop(\.feedback.domainString)
        drop(\.feedback.tenantString)
        drop(\.feedback.campaignString)
        drop(\.feedback.feedbackTypeString)
        drop(\.feedback.reporterString)
        drop(\.feedback.textString)
        drop(\.feedback.class)
        drop(\.feedback.saidBy)
        drop(\.feedback.mxHostString)
        drop(\.feedback.sourceAddressString)
        if batch.feedback == .init() { batch.clearFeedback() }
    }
}
