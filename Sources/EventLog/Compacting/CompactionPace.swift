/// Holds work back to so many octets a second, whatever the work is: reading which content there is,
/// copying, and reading what was written.
///
/// Concurrency: bound to the thread that made it.
final class CompactionPace {
    private let octetsPerSecond: Int
    private let clock: () -> UInt64
    private let pause: (Int) -> Void
    private let start: UInt64
    private var octets = 0

    /// Begins to count.
    ///
    /// - Parameters:
    ///   - octetsPerSecond: 0: nothing is held back.
    ///   - clock: Milliseconds, which never go back.
    ///   - pause: Waits so many milliseconds.
    init(octetsPerSecond: Int, clock: @escaping () -> UInt64, pause: @escaping (Int) -> Void) {
        self.octetsPerSecond = octetsPerSecond
        self.clock = clock
        self.pause = pause
        start = clock()
    }

    /// Pauses as long as the octets came too soon.
    func take(_ count: Int) {
        guard octetsPerSecond > 0 else { return }
        octets += count
        let due = UInt64(octets) * 1_000 / UInt64(octetsPerSecond)
        let spent = clock() - start
        // Short pauses are not worth their system call, and a long one would hold up a stop.
        guard due > spent + 10 else { return }
        pause(Int(min(due - spent, 200)))
    }
}
