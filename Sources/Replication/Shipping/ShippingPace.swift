import EventLog
import Glibc

/// Holds shipping to so many octets a second, over all standbys together.
///
/// Concurrency: any thread but an event loop's: whoever takes waits.
final class ShippingPace: Sendable {
    private let octetsPerSecond: UInt64
    /// Until when what was taken lasts, in microseconds of the monotonic clock.
    private let busyUntil: Monitor<UInt64>

    /// - Parameter octetsPerSecond: 0: no limit.
    init(octetsPerSecond: UInt64) {
        self.octetsPerSecond = octetsPerSecond
        busyUntil = Monitor(0)
    }

    /// Takes so many octets, and waits for their turn.
    func take(_ octets: Int) {
        guard octetsPerSecond > 0, octets > 0 else { return }
        let now = SystemClock.monotonicMilliseconds() * 1_000
        let cost = UInt64(octets) * 1_000_000 / octetsPerSecond
        let wait = busyUntil.withLock { until in
            let start = max(until, now)
            until = start + cost
            return start - now
        }
        if wait > 0 { _ = usleep(UInt32(clamping: wait)) }
    }
}
