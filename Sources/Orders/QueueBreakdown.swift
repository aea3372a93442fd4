package import MailModel

/// What waits, by what it has in common.
///
/// Concurrency: value.
package struct QueueBreakdown: Hashable, Sendable {
    /// What the groups have in common.
    package enum Grouping: String, Hashable, Sendable, CaseIterable {
        case domain, tenant, campaign, queue
    }

    /// Recipients with something in common.
    package struct Group: Hashable, Sendable {
        /// The domain, tenant, campaign or queue; empty where there is none.
        package var name: String
        package var recipients = 0
        /// Of those: with a failed attempt.
        package var deferred = 0
        /// Of those: held by a suspension.
        package var held = 0
        /// Of those: held because they are in doubt.
        package var heldInDoubt = 0
        /// When the oldest of their messages was received.
        package var oldest: EventTime
        /// When the first of them is due.
        package var nextDue: EventTime
    }

    package var grouping: Grouping
    /// The event as of which it was counted.
    package internal(set) var sequence: UInt64 = 0
    package internal(set) var tally = QueueTally()
    /// Recipients of groups beyond ``OrderLimits/groups``.
    package internal(set) var others = 0
    private var groups: [String: Group] = [:]

    init(_ grouping: Grouping) { self.grouping = grouping }

    /// The groups, those with the most recipients first.
    package var sorted: [Group] {
        groups.values.sorted { ($1.recipients, $0.name) < ($0.recipients, $1.name) }
    }

    mutating func add(
        _ queue: QueueName, receivedAt: EventTime, due: EventTime, isDeferred: Bool, isHeld: Bool,
        isInDoubt: Bool
    ) {
        let name =
            switch grouping {
            case .domain: queue.domain
            case .tenant: queue.tenant
            case .campaign: queue.campaign
            case .queue: queue.description
            }
        guard groups.count < OrderLimits.groups || groups[name] != nil else {
            others += 1
            return
        }
        var group =
            groups.removeValue(forKey: name)
            ?? Group(name: name, oldest: receivedAt, nextDue: due)
        group.recipients += 1
        if isDeferred { group.deferred += 1 }
        if isHeld { group.held += 1 }
        if isInDoubt { group.heldInDoubt += 1 }
        group.oldest = min(group.oldest, receivedAt)
        group.nextDue = min(group.nextDue, due)
        groups[name] = group
    }
}
