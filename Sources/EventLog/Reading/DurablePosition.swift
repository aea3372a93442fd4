/// Where the log of this process's writer ends: moved by the writer, watched by its readers.
///
/// Concurrency: may be shared.
final class DurablePosition: Sendable {
    private let monitor: Monitor<Position>

    init(_ position: Position) {
        monitor = Monitor(position)
    }

    /// Where the log ends.
    var position: Position { monitor.withLock { $0 } }
    /// The last durable sequence.
    var sequence: UInt64 { monitor.withLock { $0.sequence } }

    /// Moves it.
    func advance(to position: Position) {
        monitor.withLock { $0 = position }
        monitor.broadcast()
    }

    /// Waits until it is beyond `sequence`.
    ///
    /// - Returns: false when the time is over.
    func wait(beyond sequence: UInt64, milliseconds: Int) -> Bool {
        monitor.wait(milliseconds: milliseconds) { $0.sequence <= sequence }
    }
}
