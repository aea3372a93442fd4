/// Which projections share a pass over the log.
///
/// Concurrency: no state.
enum CatchUpPlan {
    /// Those that lack little go first and alone, so that they do not wait for one that lacks
    /// most of the log; those that lack about the same share a pass.
    ///
    /// - Parameter lags: Events that each one lacks.
    /// - Returns: The indices of those that go first; all of them when none is worth waiting for.
    static func first(_ lags: [UInt64]) -> [Int] {
        guard let most = lags.max() else { return [] }
        let near = lags.indices.filter { lags[$0] < most / 4 }
        return near.isEmpty ? Array(lags.indices) : near
    }
}
