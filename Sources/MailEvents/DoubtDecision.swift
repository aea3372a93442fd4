package import MailModel

/// What is decided about an attempt in doubt: one that was announced by `attempted`, and of which nobody
/// knows whether the next hop took the message.
package enum DoubtDecision: String, Hashable, Sendable, CaseIterable {
    /// The message is sent again, though the recipient may get it twice.
    case retry
    /// The recipient counts as delivered, though it may not have got it.
    case assumeDelivered = "assume-delivered"
    /// The recipient is given up, though it may have got it.
    case bounce
}

extension SaidBy {
    /// Whether it names somebody who decides: not what an attempt came to by itself.
    package var isDecision: Bool { self == .administrator || self == .policy }
}

extension Attempt {
    /// What stands for the command in what was decided: no command was answered.
    package static let decision = "decision"

    /// Whether this was decided, not answered by a next hop.
    package var isDecision: Bool { command == Self.decision }
}

extension Fact {
    /// The event that closes an attempt in doubt.
    ///
    /// The texts say what is true: that it was assumed, ordered or given up, by whom and why.
    ///
    /// - Parameters:
    ///   - decision: What was decided.
    ///   - recipient: Whose attempt it was.
    ///   - number: Which attempt, from 1.
    ///   - peer: Where it went, as far as it is known.
    ///   - saidBy: Who decided: an administrator, or the policy.
    ///   - words: By whom and why, for people; empty for nothing.
    ///   - now: When.
    package init(
        deciding decision: DoubtDecision, about recipient: RecipientReference, attempt number: Int,
        peer: DeliveryPeer?, saidBy: SaidBy, words: String, at now: EventTime
    ) {
        func attempt(_ code: UInt16, _ detail: UInt16, _ text: String) -> Attempt {
            Attempt(
                number: number,
                reply: Reply(
                    code, EnhancedStatusCode(UInt8(code / 100), 0, detail),
                    words.isEmpty ? text : "\(text): \(words)"),
                command: Attempt.decision, peer: peer)
        }
        switch decision {
        case .retry:
            self = .deferred(
                DeliveryDeferred(
                    recipient: recipient,
                    attempt: attempt(451, 0, "in doubt, to be sent again"), class: .badConnection,
                    saidBy: saidBy, nextDue: now, inDoubt: true))
        case .assumeDelivered:
            self = .delivered(
                DeliverySucceeded(
                    recipient: recipient, attempt: attempt(250, 0, "in doubt, assumed delivered")))
        case .bounce:
            self = .bounced(
                DeliveryBounced(
                    recipient: recipient, attempt: attempt(550, 0, "in doubt, given up"),
                    class: .badConnection, saidBy: saidBy))
        }
    }
}
