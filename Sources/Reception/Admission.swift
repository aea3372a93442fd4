import MailModel

/// Who may open a session: counts sessions and connection rates.
///
/// Concurrency: value; ``Reception`` keeps it behind a lock.
struct Admission: Sendable {
    /// The limits of one listener, and what is open there.
    private struct ListenerCount: Sendable {
        var limits: ListenerLimits
        var open = 0
        var openByAddress: [IPAddress: Int] = [:]
        var connections: RateTable<IPAddress>?
    }

    private let sessions: Int
    private var listeners: [ListenerCount]
    /// Sessions of all listeners that are open.
    private(set) var open = 0

    /// - Parameters:
    ///   - configuration: The listeners and their limits.
    ///   - sessions: Sessions of all listeners at a time, 0: any; nil: as configured.
    init(configuration: ReceptionConfiguration, sessions: Int? = nil) {
        self.sessions = sessions ?? configuration.sessions
        listeners = configuration.listeners.map {
            ListenerCount(
                limits: $0.limits, connections: $0.limits.connectionRate.map { RateTable($0) })
        }
    }

    /// Counts a new session of `address` in, or says how it is greeted instead (RFC 5321
    /// section 3.8 allows 421 at any time).
    ///
    /// An admitted session must be given back with ``release(listener:address:)``.
    mutating func admit(listener: Int, address: IPAddress?, now: UInt64) -> Reply? {
        let key = address?.countedTogether
        if let key, listeners[listener].connections?.take(key, now: now) == false {
            return ReceptionReplies.connectionRate
        }
        let limits = listeners[listener].limits
        if let key, limits.sessionsPerAddress > 0,
            listeners[listener].openByAddress[key, default: 0] >= limits.sessionsPerAddress
        {
            return ReceptionReplies.sessionsPerAddress
        }
        if limits.sessions > 0, listeners[listener].open >= limits.sessions {
            return ReceptionReplies.sessions
        }
        if sessions > 0, open >= sessions { return ReceptionReplies.sessions }
        open += 1
        listeners[listener].open += 1
        if let key { listeners[listener].openByAddress[key, default: 0] += 1 }
        return nil
    }

    /// Counts a session out.
    mutating func release(listener: Int, address: IPAddress?) {
        open -= 1
        listeners[listener].open -= 1
        guard let key = address?.countedTogether else { return }
        let left = listeners[listener].openByAddress[key, default: 1] - 1
        listeners[listener].openByAddress[key] = left > 0 ? left : nil
    }
}
