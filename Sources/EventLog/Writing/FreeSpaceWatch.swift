internal import Synchronization

/// Looks at the disk's free space, not more often than needed.
///
/// Concurrency: may be shared.
final class FreeSpaceWatch: Sendable {
    private struct State {
        var nextLook: UInt64 = 0
        var freeBytes: UInt64 = .max
    }

    private let directory: String
    private let configuration: EventLogConfiguration
    private let state = Mutex(State())

    init(directory: String, configuration: EventLogConfiguration) {
        self.directory = directory
        self.configuration = configuration
    }

    /// `.failure` with `outOfSpace` below the floor.
    func check() -> Result<Void, EventLogError> {
        let floor = configuration.freeBytesFloor
        guard floor > 0 else { return .success(()) }
        let now = configuration.monotonicMilliseconds()
        let free = state.withLock { state in
            if now >= state.nextLook {
                state.nextLook = now + EventLogLimits.freeSpaceIntervalMilliseconds
                state.freeBytes = configuration.freeBytes(directory) ?? .max
            }
            return state.freeBytes
        }
        guard free < floor else { return .success(()) }
        return .failure(
            EventLogError(
                .outOfSpace, "\(free) octets are free, at least \(floor) must be",
                file: directory, hint: "Free some space on this file system."))
    }
}
