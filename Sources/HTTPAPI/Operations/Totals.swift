/// What has happened since the log began.
package struct EventTotals: Hashable, Sendable {
    package var received = 0
    package var queued = 0
    package var deferred = 0
    package var delivered = 0
    package var bounced = 0
    package var expired = 0

    /// Nothing has happened.
    package init() {}
}

/// How much waits for delivery.
package struct WaitingTotals: Hashable, Sendable {
    package var messages = 0
    package var recipients = 0
    package var deferred = 0
    package var octets = 0

    /// Nothing waits.
    package init() {}
}

/// What metrics are made of: totals of the log, which go on across restarts.
package struct ServerTotals: Hashable, Sendable {
    /// Of all tenants together.
    package var events = EventTotals()
    /// By tenant, where the source keeps them apart; a message without a tenant is under "".
    package var byTenant: [String: EventTotals] = [:]
    /// What waits now, of all tenants together.
    package var waiting = WaitingTotals()

    /// Nothing has happened.
    package init() {}
}

/// Knows the totals: the composition root's view of the live projections, or a double in tests.
package protocol TotalsSource: Sendable {
    /// The totals now; nil while they are not known, for example during start.
    func totals() async -> ServerTotals?
}
