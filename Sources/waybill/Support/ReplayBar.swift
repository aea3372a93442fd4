import Projections
import Synchronization

/// A progress bar for a replay whose length is known with its first report.
///
/// Concurrency: any thread.
final class ReplayBar: Sendable {
    private let title: String
    private let bar = Mutex<Progress?>(nil)

    init(title: String) { self.title = title }

    /// Draws the bar anew.
    func show(_ progress: ReplayProgress) {
        let bar = bar.withLock { bar in
            let shown =
                bar ?? Progress(title: title, total: Int(progress.through + 1 - progress.from))
            bar = shown
            return shown
        }
        bar.show(Int(progress.sequence + 1 - progress.from))
    }

    /// Removes the bar.
    func finish() { bar.withLock { $0 }?.finish() }
}
