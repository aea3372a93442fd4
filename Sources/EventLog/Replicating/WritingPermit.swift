internal import Synchronization

/// Until when a site may take and acknowledge messages: looked at again at each acknowledgement, so
/// that a process which was stopped and goes on acknowledges nothing that it may not.
///
/// The clock is CLOCK_BOOTTIME: it goes on while the machine is suspended, and nobody sets it.
///
/// Concurrency: may be shared.
package final class WritingPermit: Sendable {
    private let end: Atomic<UInt64>
    private let clock: @Sendable () -> UInt64

    /// Creates a permit that is over, until it is set.
    ///
    /// - Parameter clock: Milliseconds of a clock that never goes back and never stops.
    package init(clock: @escaping @Sendable () -> UInt64 = { SystemClock.bootMilliseconds() }) {
        end = Atomic(0)
        self.clock = clock
    }

    /// Now, by the permit's clock.
    package var now: UInt64 { clock() }

    /// May be written until then, by the permit's clock; 0: not at all, the largest number: for ever.
    package func set(until milliseconds: UInt64) {
        end.store(milliseconds, ordering: .sequentiallyConsistent)
    }

    /// Whether nothing may be acknowledged now.
    package var isOver: Bool { clock() >= end.load(ordering: .sequentiallyConsistent) }

    /// Why nothing is acknowledged; nil while it may be.
    var refusal: EventLogError? {
        guard isOver else { return nil }
        return EventLogError(
            .readOnly, "this site's lease is over: another one may write",
            hint: "Look at it with waybill site status.")
    }
}
