/// How much is queued now.
package struct QueueCounts: Hashable, Sendable {
    /// Messages with at least one waiting recipient.
    package var messages = 0
    /// Waiting recipients.
    package var recipients = 0
    /// Of those: recipients with at least one failed attempt.
    package var deferred = 0
    /// Of those: recipients with an attempt whose outcome is unknown.
    package var inDoubt = 0
    /// Of those: recipients that are held until somebody decides about the doubt.
    package var held = 0
    /// Octets of the messages' content as stored, each message once.
    package var octets = 0

    /// Nothing queued.
    package init() {}
}

/// What has happened since the log began, or since its first event that is still there.
package struct QueueTotals: Hashable, Sendable {
    /// Messages accepted.
    package var received = 0
    /// Recipients queued.
    package var queued = 0
    /// Failed attempts that will be repeated.
    package var deferred = 0
    /// Recipients delivered.
    package var delivered = 0
    /// Recipients that failed for good.
    package var bounced = 0
    /// Recipients given up because of age.
    package var expired = 0

    /// Nothing has happened.
    package init() {}
}
