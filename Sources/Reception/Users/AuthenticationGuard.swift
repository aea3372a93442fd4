import MailModel

/// Remembers which passwords were right a moment ago, and which addresses guess.
///
/// Times are nanoseconds of a clock that never steps back.
///
/// Concurrency: value; ``Authenticator`` keeps it behind a lock.
struct AuthenticationGuard: Sendable {
    private struct Failures: Sendable {
        var count: Int
        var forgottenAt: UInt64
    }

    private let policy: AuthenticationPolicy
    private let capacity: Int
    private var rightUntil: [[UInt8]: UInt64] = [:]
    private var failures: [IPAddress: Failures] = [:]
    /// Password checks that wait or run.
    private(set) var checking = 0

    init(policy: AuthenticationPolicy, capacity: Int = ReceptionLimits.passwordCacheEntries) {
        self.policy = policy
        self.capacity = max(1, capacity)
    }

    /// Whether this address has guessed too often: it is not listened to.
    func refuses(_ address: IPAddress?, now: UInt64) -> Bool {
        guard let address, let seen = failures[address.countedTogether] else { return false }
        return seen.forgottenAt > now && seen.count >= policy.failures
    }

    /// Whether what this key stands for was right a moment ago.
    func wasRight(_ key: [UInt8], now: UInt64) -> Bool {
        rightUntil[key].map { $0 > now } ?? false
    }

    /// Makes room for a check; false when too many wait already.
    mutating func beginCheck() -> Bool {
        guard checking < policy.queue + policy.threads else { return false }
        checking += 1
        return true
    }

    /// Ends a check that was begun.
    mutating func endCheck() { checking -= 1 }

    /// Remembers success, if there is a cache.
    mutating func succeeded(_ key: [UInt8], now: UInt64) {
        guard policy.cacheSeconds > 0 else { return }
        if rightUntil.count >= capacity {
            rightUntil = rightUntil.filter { $0.value > now }
            if rightUntil.count >= capacity { rightUntil.removeAll(keepingCapacity: true) }
        }
        rightUntil[key] = now + UInt64(policy.cacheSeconds) * 1_000_000_000
    }

    /// Counts a failure; returns the seconds by which its reply is held back.
    mutating func failed(_ address: IPAddress?, now: UInt64) -> Double {
        var count = 1
        if let key = address?.countedTogether {
            if let seen = failures[key], seen.forgottenAt > now { count = seen.count + 1 }
            if failures.count >= ReceptionLimits.countedKeys {
                failures = failures.filter { $0.value.forgottenAt > now }
                if failures.count >= ReceptionLimits.countedKeys { failures.removeAll() }
            }
            failures[key] = Failures(
                count: count,
                forgottenAt: now + UInt64(max(0, policy.failureSeconds)) * 1_000_000_000)
        }
        return min(
            policy.delaySeconds * Double(count),
            Double(ReceptionLimits.authenticationDelaySecondsMax))
    }
}
