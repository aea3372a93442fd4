package import MailEvents
package import MailModel

/// What somebody wants done with waiting recipients.
///
/// Concurrency: value.
package struct QueueOrder: Hashable, Sendable {
    /// What is done.
    package enum Action: String, Hashable, Sendable, CaseIterable {
        /// Nothing is attempted, until it is resumed.
        case suspend
        /// Ends the suspension of exactly this scope.
        case resume
        /// Due at once.
        case requeue
        /// Given up.
        case cancel
    }

    package var action: Action
    package var scope: OrderScope
    /// In words; empty for none.
    package var reason = ""
    /// When a suspension is over by itself; nil: never.
    package var until: EventTime?
    /// Only says what would be hit.
    package var isDryRun = false

    /// Creates an order.
    package init(_ action: Action, _ scope: OrderScope) {
        self.action = action
        self.scope = scope
    }

    /// Throws `invalid` for what no order can have.
    func check(now: EventTime) throws(OrderError) {
        try Self.check(reason: reason)
        guard let until else { return }
        guard action == .suspend else {
            throw .invalid("until", "Only a suspension is over by itself.")
        }
        guard until > now else { throw .invalid("until", "That time is over already.") }
    }

    /// Throws `invalid` for a text that is no reason: too long, or with control characters.
    static func check(reason: String) throws(OrderError) {
        guard reason.utf8.count <= OrderLimits.reasonOctets,
            !reason.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else {
            throw .invalid(
                "reason",
                "A reason is one line of at most \(OrderLimits.reasonOctets) octets.")
        }
    }
}

/// What an order has done, or would do.
///
/// Concurrency: value.
package struct OrderResult: Hashable, Sendable {
    package var action: QueueOrder.Action
    package var selector: RecipientSelector
    package var isDryRun: Bool
    /// Whether anything is different now (or would be). False for what was so already.
    package var hasChanged = false
    /// Of the event that says so; of an earlier one when nothing has changed; nil for none.
    package var sequence: UInt64?
    /// What waits and matches.
    package var tally = QueueTally()
    /// Of the suspension.
    package var until: EventTime?
}

/// How much of the queue matches.
///
/// Concurrency: value.
package struct QueueTally: Hashable, Sendable {
    package var recipients = 0
    package var messages = 0
    /// Of the recipients: those that some suspension holds.
    package var held = 0
    /// Of the recipients: those that wait for a decision because they are in doubt.
    package var heldInDoubt = 0
    /// Of the recipients: those with a failed attempt.
    package var deferred = 0
    /// Counted last: recipients come message by message.
    private var lastMessage: MessageID?

    /// Nothing yet.
    package init() {}

    /// Counts a recipient; those of one message come side by side.
    mutating func add(
        _ waiting: MessageID, attempts: Int, isHeld: Bool, isInDoubt: Bool = false
    ) {
        recipients += 1
        if waiting != lastMessage { messages += 1 }
        lastMessage = waiting
        if isHeld { held += 1 }
        if isInDoubt { heldInDoubt += 1 }
        if attempts > 0 { deferred += 1 }
    }
}

/// How far an order that takes a while is.
///
/// Concurrency: value.
package struct OrderProgress: Hashable, Sendable {
    package var done: Int
    package var of: Int
}
