import Glibc

/// How many sessions the process can hold beside its own files and deliveries.
///
/// Concurrency: without state.
enum SessionCeiling {
    /// Sessions of all listeners at a time: as many as are configured (0: any), but no more than there
    /// are descriptors for (0 or less: any number).
    static func sessions(configured: Int, descriptors: Int) -> Int {
        guard descriptors > 0 else { return configured }
        let (hundreds, rest) = descriptors.quotientAndRemainder(dividingBy: 100)
        let percent = ReceptionLimits.descriptorPercent
        let ceiling = max(1, hundreds * percent + rest * percent / 100)
        return configured > 0 ? min(configured, ceiling) : ceiling
    }

    /// Descriptors that the process may have open: RLIMIT_NOFILE; -1 when there is no limit.
    static var descriptors: Int { sysconf(Int32(_SC_OPEN_MAX)) }
}
