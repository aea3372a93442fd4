/// When and how reverse-paths are told (RFC 3461, RFC 3464).
///
/// Concurrency: value.
package struct NotificationPolicy: Hashable, Sendable {
    /// Whether notifications are made at all; without, a failure is only an event.
    package var enabled: Bool
    /// Seconds in the queue after which NOTIFY=DELAY is answered, once (RFC 3461 section 6.2.4).
    package var delayWarningSeconds: Int64
    /// Octets of the original message, the fields that we put before it included, that a notification
    /// carries at most; a longer one is cut to its header (Postfix's bounce_size_limit is 50,000).
    package var returnedOctetsMax: Int

    /// Creates a policy.
    package init(
        enabled: Bool = true, delayWarningSeconds: Int64 = 14_400,
        returnedOctetsMax: Int = 50_000
    ) {
        self.enabled = enabled
        self.delayWarningSeconds = delayWarningSeconds
        self.returnedOctetsMax = returnedOctetsMax
    }
}
