import EventLog
import Glibc
import Logging
import SmallFiles

/// What is being fetched, over restarts.
extension StandbyFollower {
    /// Notes that these segments are fetched from now on.
    ///
    /// A file that cannot be written keeps nobody from fetching: it is only of use when that is interrupted.
    func remember(_ segments: [SealedSegment]) {
        let epoch = state.withLock { state in
            state.status.fetching = segments.count
            state.status.missing = segments.count
            state.remembersFetch = true
            return state.status.word?.logEpoch ?? state.knownEpoch
        }
        guard let path = configuration.fetchPlanPath else { return }
        let plan = FetchPlan(epoch: epoch, lastSequences: segments.map(\.lastSequence))
        do throws(SmallFileError) {
            try plan.save(path)
        } catch {
            configuration.logger.warning(
                "a restart would forget which segments are being fetched",
                metadata: ["reason": "\(error)"])
        }
    }

    /// Notes which segments an earlier process had set out to fetch and has not got.
    func recallFetch() {
        guard let plan = configuration.fetchPlanPath.flatMap({ FetchPlan.load($0) }) else { return }
        state.withLock { state in
            state.remembersFetch = true
            state.status.missing = plan.missing(behind: state.status.position ?? .beginning)
        }
    }

    /// Notes that no segment is missing.
    func forgetFetch() {
        let wasRemembered = state.withLock { state in
            state.status.missing = 0
            defer { state.remembersFetch = false }
            return state.remembersFetch
        }
        if wasRemembered, let path = configuration.fetchPlanPath { _ = unsafe unlink(path) }
    }
}
