/// Recipients of one message that travel in one transaction.
///
/// Concurrency: bound to delivery's event loop.
struct DeliveryGroup {
    var message: ActiveMessage
    /// At least one.
    var recipients: [RecipientState]
    /// When it became ready: microseconds of the monotonic clock.
    var readySince: Int64
    /// Numbers of the recipients whose intent was given to the log in this transaction.
    var announced: Set<Int> = []
    /// How often it came back without an event.
    var silentRetries = 0

    /// Whose turn it takes.
    var lane: FairQueue<DeliveryGroup>.Lane {
        FairQueue.Lane(tenant: message.facts.tenant, campaign: message.facts.campaign)
    }
}
