package import EventLog

/// What a standby tells its composition root.
///
/// Concurrency: closures are called on the follower's thread or an event loop, and must not block long.
package struct FollowerEvents: Sendable {
    /// A higher epoch is open somewhere.
    package var learnedEpoch: @Sendable (UInt32) -> Void
    /// The primary has stopped at the position where this log ends, and asks to be followed: the epoch
    /// that will be opened, or why not.
    package var handover: @Sendable (Position) -> Result<UInt32, ReplicationError>
    /// The primary has been told which epoch will be opened, as far as that was possible: now it is to
    /// be opened. The link ends only with this, so that the answer gets there.
    package var tookOver: @Sendable (UInt32) -> Void

    /// Creates them.
    package init(
        learnedEpoch: @escaping @Sendable (UInt32) -> Void,
        handover: @escaping @Sendable (Position) -> Result<UInt32, ReplicationError>,
        tookOver: @escaping @Sendable (UInt32) -> Void = { _ in }
    ) {
        self.learnedEpoch = learnedEpoch
        self.handover = handover
        self.tookOver = tookOver
    }
}
