import MailModel
import Synchronization

/// Names sessions for log lines and events: the start of the server and a count, both in base 32.
///
/// Not random, so that neighbours in the log share most of it; the start in seconds keeps the names
/// of two runs apart.
///
/// Concurrency: any thread; one atomic number.
final class SessionNames: Sendable {
    private let prefix: String
    private let next = Atomic<UInt64>(1)

    init(start: EventTime) {
        prefix = String(max(0, start.microseconds / 1_000_000), radix: 32) + "."
    }

    /// A name that no other session of this log has.
    func make() -> String {
        prefix + String(next.add(1, ordering: .relaxed).oldValue, radix: 32)
    }
}
