import BenchmarkSupport
import MailEvents

/// So many appenders, each of which appends again once its last append is durable.
///
/// One thread stands for all of them, as an event loop stands for its sessions.
///
/// Concurrency: value.
struct Appenders {
    /// How many appends are under way at any time.
    var count: Int
    /// After so many seconds no further append is made.
    var seconds: Double

    /// Appends from the start of `items` until the time or the items are used up, and waits until
    /// the last one is durable.
    ///
    /// - Returns: how many items and events, and the seconds from the first append to the last
    ///   outcome.
    func run(
        _ items: [Workload.Item], _ completions: Completions, append: (Int) -> Void
    ) -> (items: Int, events: Int, seconds: Double) {
        let start = Clock.seconds()
        var next = 0
        var underWay = 0
        var events = 0
        while next < items.count, Clock.seconds() - start < seconds {
            while underWay < count, next < items.count {
                append(next)
                events += items[next].rows.count
                next += 1
                underWay += 1
            }
            underWay -= completions.take()
        }
        while underWay > 0 { underWay -= completions.take() }
        return (next, events, Clock.seconds() - start)
    }
}
