extension Fact {
    /// The recipient the fact is about, if it is about one.
    package var recipient: RecipientReference? {
        switch self {
        case .queued(let fact): fact.recipient
        case .deferred(let fact): fact.recipient
        case .delivered(let fact): fact.recipient
        case .bounced(let fact): fact.recipient
        case .expired(let fact): fact.recipient
        case .attempted(let fact): fact.recipient
        case .complained(let fact): fact.recipient
        case .bouncedLater(let fact): fact.recipient
        case .received, .rejected, .epochStarted, .configurationApplied, .contentReceived,
            .suspended, .resumed, .rebound, .cancelled, .suppressed, .unsuppressed, .lost,
            .unknown:
            nil
        }
    }
}
