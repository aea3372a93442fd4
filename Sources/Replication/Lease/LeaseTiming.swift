/// How long a lease lasts, and what is done when within it. Milliseconds.
///
/// Concurrency: value.
package struct LeaseTiming: Hashable, Sendable {
    /// How long the lease stands after it was renewed last.
    package var ttl: UInt64

    /// Creates the timing of a lease.
    ///
    /// - Parameter ttlMilliseconds: How long it stands.
    package init(ttlMilliseconds: Int) { ttl = UInt64(max(1, ttlMilliseconds)) }

    /// The end of the lease in which the holder writes no more: for clocks that do not run alike, and
    /// for what is under way.
    package var margin: UInt64 { ttl * 3 / 10 }
    /// Between two renewals.
    package var renewal: UInt64 { ttl / 5 }
    /// After a renewal or a request that failed.
    package var retry: UInt64 { ttl / 20 }
    /// Between two looks of a site that does not hold the lease.
    package var look: UInt64 { ttl / 10 }
    /// For one request to one endpoint.
    package var request: UInt64 { max(500, ttl / 10) }

    /// For sessions and requests to end, and then again for deliveries, when a site stops because its
    /// lease ends: two thirds of the margin together.
    package var stopping: UInt64 { margin / 3 }

    /// Until when the holder may write.
    ///
    /// - Parameter asked: When the renewal that was granted was sent: the lease stands at least from
    ///   then on.
    /// - Returns: By the same clock.
    package func end(asked: UInt64) -> UInt64 { asked + ttl - margin }
}
