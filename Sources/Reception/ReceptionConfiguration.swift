package import EventLog
import MailModel

/// Everything reception needs to know: its listeners and what they share.
///
/// Concurrency: value.
package struct ReceptionConfiguration: Hashable, Sendable {
    /// Our name: in the greeting, in EHLO's answer and in Received (RFC 5321 section 4.1.1.1).
    package var serverName: String
    /// At least one.
    package var listeners: [ListenerPolicy]
    /// The file of users (see ``UserFile``); nil: nobody can authenticate.
    package var usersFile: String?
    /// Sessions of all listeners at a time.
    package var sessions = ReceptionLimits.sessions
    /// Octets of messages that are in memory because they are not durable yet.
    package var messageOctetsInFlight = ReceptionLimits.messageOctetsInFlight
    /// Received fields at which a message is taken for a loop.
    package var receivedFields = ReceptionLimits.receivedFields
    /// Message-ID and Date are supplied when missing (RFC 6409 section 8 lets submission do so).
    package var suppliesMissingFields = true
    /// Which refusals become `rejected` events.
    package var rejectedEvents = RejectedEvents.sampled(oneIn: 100)
    /// What tenants ask for beyond what their listener does, by name.
    package var tenantAckLevels: [String: AckLevel] = [:]
    /// How passwords are checked.
    package var authentication = AuthenticationPolicy()

    /// Creates a configuration.
    package init(serverName: String, listeners: [ListenerPolicy]) {
        self.serverName = serverName
        self.listeners = listeners
    }

    /// What is wrong with it, each in words that name the listener and key; empty if nothing is.
    package func problems() -> [String] {
        var problems: [String] = []
        if serverName.isEmpty { problems.append("server name: expected a host name") }
        if listeners.isEmpty { problems.append("listeners: expected at least one") }
        if Set(listeners.map(\.name)).count != listeners.count {
            problems.append("listeners: expected different names")
        }
        for listener in listeners {
            problems += listener.problems().map { "listener \(listener.name): \($0)" }
        }
        return problems
    }
}

/// Which refusals are recorded as `rejected` events. They are appended without waiting.
package enum RejectedEvents: Hashable, Sendable {
    case off
    /// The first of every so many.
    case sampled(oneIn: Int)
    case full
}

/// How passwords are checked, and how guessing is slowed down.
///
/// Concurrency: value.
package struct AuthenticationPolicy: Hashable, Sendable {
    /// Threads that check passwords.
    package var threads = ReceptionLimits.passwordThreads
    /// Checks that may wait for a thread.
    package var queue = ReceptionLimits.passwordQueue
    /// Seconds for which a right password need not be checked again; 0: always check.
    package var cacheSeconds = ReceptionLimits.passwordCacheSeconds
    /// Failures of one address within ``failureSeconds`` after which it is refused.
    package var failures = ReceptionLimits.authenticationFailures
    /// Seconds after which a failure is forgotten.
    package var failureSeconds = ReceptionLimits.authenticationFailureSeconds
    /// Seconds by which the first failure's reply is held back; the n-th one n times as long.
    package var delaySeconds = Double(ReceptionLimits.authenticationDelaySeconds)

    /// Creates the default policy.
    package init() {}
}
