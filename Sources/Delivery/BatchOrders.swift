import MailEvents
import MailModel

/// What the orders of a batch ask of delivery.
///
/// Concurrency: value.
struct BatchOrders: Sendable {
    /// Recipients that were ready may have to stay: something was suspended or suppressed.
    var restrain = false
    /// Messages with recipients that an administrator gave up.
    var cancelled: Set<MessageID> = []
    /// Recipients that match one of these are due at once.
    var rebound: [RecipientSelector] = []

    /// Takes in an event.
    mutating func note(_ fact: Fact) {
        switch fact {
        case .suspended, .suppressed: restrain = true
        case .rebound(let order): rebound.append(order.selector)
        default: break
        }
    }
}
