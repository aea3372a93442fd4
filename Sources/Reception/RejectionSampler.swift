/// Decides which refusals become events: all, none, or the first of every so many.
///
/// Concurrency: value; each event loop has its own.
struct RejectionSampler: Sendable {
    private let oneIn: Int
    private var seen = 0

    init(_ setting: RejectedEvents) {
        switch setting {
        case .off: oneIn = 0
        case .full: oneIn = 1
        case .sampled(let oneIn): self.oneIn = max(1, oneIn)
        }
    }

    /// Whether this one is recorded.
    mutating func next() -> Bool {
        guard oneIn > 0 else { return false }
        defer { seen = (seen + 1) % oneIn }
        return seen == 0
    }
}
