package import MailModel

/// What happened to a recipient that its sender might want to know.
package enum RecipientFate: Hashable, Sendable {
    /// Put into its mailbox here.
    case delivered
    /// Taken by the next hop.
    case relayed
    /// Failed for good, or given up.
    case failed
    /// Not delivered yet, and older than the warning age.
    case delayed
}

/// Whether a recipient's fate is reported to the reverse-path (RFC 3461 sections 4.1, 5.2).
package enum NotificationDecision {
    /// The Action to report; nil: no notification.
    ///
    /// `nextHopTookDSN`: the next hop offered DSN and was given the parameters; success is then its
    /// to report. `delaysByDefault`: whether a delay is reported where NOTIFY was absent, which
    /// RFC 3461 section 4.1 leaves to us.
    package static func action(
        for fate: RecipientFate, notify: NotifyOn, reversePath: ReversePath,
        nextHopTookDSN: Bool = false, delaysByDefault: Bool = false
    ) -> DSNAction? { nil }
}

/// RFC 3464 section 2.3.3.
package enum DSNAction: String, Hashable, Sendable {
    case failed
    case delayed
    case delivered
    case relayed
    case expanded
}
