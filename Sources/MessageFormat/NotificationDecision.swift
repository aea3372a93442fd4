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

/// Whether a recipient's fate is reported to the reverse-path (RFC 3461 sections 4.1 and 5.2).
package enum NotificationDecision {
    /// The Action to report; nil: no notification.
    ///
    /// `nextHopTookDSN`: the next hop offered DSN and was given the parameters; success is then its
    /// to report. `delaysByDefault`: whether a delay is reported where NOTIFY was absent, which
    /// RFC 3461 section 4.1 leaves to us.
    package static func action(
        for fate: RecipientFate, notify: NotifyOn, reversePath: ReversePath,
        nextHopTookDSN: Bool = false, delaysByDefault: Bool = false
    ) -> DSNAction? {
        // RFC 5321 section 4.5.5: nothing is ever sent to a null reverse-path.
        guard reversePath != .null, !notify.contains(.never) else { return nil }
        switch fate {
        case .failed:
            // RFC 3461 section 5.2.1 (e) and 4.1: without NOTIFY failures are reported.
            return notify.isEmpty || notify.contains(.failure) ? .failed : nil
        case .delayed:
            return notify.contains(.delay) || (notify.isEmpty && delaysByDefault)
                ? .delayed : nil
        case .relayed:
            // RFC 3461 section 5.2.2: a next hop that knows no DSN will never tell.
            return notify.contains(.success) && !nextHopTookDSN ? .relayed : nil
        case .delivered: return notify.contains(.success) ? .delivered : nil
        }
    }
}

/// RFC 3464 section 2.3.3. A recipient given up for its age is `failed`.
package enum DSNAction: String, Hashable, Sendable {
    case failed
    case delayed
    case delivered
    case relayed
    case expanded
}
