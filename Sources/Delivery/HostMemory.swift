import MailModel

/// What was learned of single hosts, and of ports at their addresses, a while ago, so that not every connection learns
/// it again.
///
/// Concurrency: value. Times are microseconds of the monotonic clock.
struct HostMemory: Sendable {
    private struct Endpoint: Hashable, Sendable {
        var address: IPAddress
        var port: Int

        init(_ target: DeliveryTarget) {
            address = target.address
            port = target.port
        }
    }

    private var deadUntil: [Endpoint: Int64] = [:]
    private var clearUntil: [String: Int64] = [:]

    /// How much is remembered.
    var count: Int { deadUntil.count + clearUntil.count }

    /// The address did not answer, or its server turned us away.
    mutating func addressFailed(_ target: DeliveryTarget, now: Int64) {
        forget(now: now)
        deadUntil[Endpoint(target)] = now + Limits.deadAddressMicroseconds
    }

    /// The address answered.
    mutating func addressWorked(_ target: DeliveryTarget) {
        guard !deadUntil.isEmpty else { return }
        deadUntil[Endpoint(target)] = nil
    }

    /// The TLS handshake with the host failed.
    mutating func handshakeFailed(_ host: String, now: Int64) {
        forget(now: now)
        clearUntil[host] = now + Limits.brokenTLSMicroseconds
    }

    /// Whether the host is better spoken to in clear, where that is allowed.
    func isTLSBroken(_ host: String, now: Int64) -> Bool {
        clearUntil[host].map { now < $0 } ?? false
    }

    /// The same addresses, those that failed a moment ago last.
    func sorted(_ targets: [DeliveryTarget], now: Int64) -> [DeliveryTarget] {
        guard !deadUntil.isEmpty else { return targets }
        let isDead = { (target: DeliveryTarget) in
            deadUntil[Endpoint(target)].map { now < $0 } ?? false
        }
        return targets.filter { !isDead($0) } + targets.filter(isDead)
    }

    /// Bounds the memory: what is over goes once there are many.
    private mutating func forget(now: Int64) {
        if deadUntil.count >= Limits.rememberedHosts {
            deadUntil = deadUntil.filter { now < $0.value }
            if deadUntil.count >= Limits.rememberedHosts { deadUntil.removeAll() }
        }
        if clearUntil.count >= Limits.rememberedHosts {
            clearUntil = clearUntil.filter { now < $0.value }
            if clearUntil.count >= Limits.rememberedHosts { clearUntil.removeAll() }
        }
    }
}
