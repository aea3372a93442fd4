import Glibc
import MailModel
import Synchronization

/// A progress bar on standard error, for work that takes a while; silent unless on a terminal.
///
/// Concurrency: any thread.
final class Progress: Sendable {
    private let title: String
    private let total: Int
    private let shown: Bool
    private let startedAt = SystemClock.now()
    private let last = Mutex(-1)

    init(title: String, total: Int, shown: Bool = true) {
        self.title = title
        self.total = max(1, total)
        self.shown = shown && isatty(STDERR_FILENO) == 1
    }

    /// Draws the bar anew.
    func show(_ done: Int) {
        guard shown,
            last.withLock({ last in
                defer { last = done }
                return last != done
            })
        else { return }
        let width = 30
        let filled = min(width, done * width / total)
        let seconds = Double(SystemClock.now().microseconds - startedAt.microseconds) / 1e6
        let rate = seconds > 0 ? Double(done) / seconds : 0
        let left = rate > 0 ? Int64(Double(max(0, total - done)) / rate) : 0
        let bar =
            String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
        draw(
            "\r\(title) [\(bar)] \(done)/\(total) \(Human.decimal(rate, places: 0))/s, "
                + "\(Human.age(seconds: left)) left\u{1B}[K")
    }

    /// Removes the bar.
    func finish() {
        if shown, last.withLock({ $0 >= 0 }) { draw("\r\u{1B}[K") }
    }

    private func draw(_ text: String) {
        let bytes = Array(text.utf8)
        unsafe bytes.withUnsafeBytes { _ = unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
