/// How another site's log compares with this one's.
///
/// Concurrency: value.
package struct SiteComparison: Hashable, Sendable {
    /// What was found.
    package enum Verdict: String, Hashable, Sendable, CaseIterable {
        /// Its log ends within this one, with the same chain hash there: the same history up to there.
        case same
        /// The histories differ.
        case parted
        /// Its log ends behind this one's end, which did not get there in the time.
        case ahead
        /// It answered and does not know this site, or has no log.
        case refused
        /// It did not answer.
        case unreachable
    }

    /// HOST:PORT.
    package var address: String
    /// Its name; empty when it is not known.
    package var site: String
    package var isPrimary: Bool
    /// The highest epoch that it knows.
    package var epoch: UInt32
    /// Where its log ends.
    package var sequence: UInt64
    package var verdict: Verdict
    /// In words.
    package var detail: String

    /// Creates a comparison.
    ///
    /// - Parameters:
    ///   - address: HOST:PORT.
    ///   - verdict: What was found.
    ///   - detail: In words.
    package init(address: String, verdict: Verdict, detail: String) {
        self.address = address
        self.verdict = verdict
        self.detail = detail
        site = ""
        isPrimary = false
        epoch = 0
        sequence = 0
    }
}
