import MailEvents
import MailModel
import MessageFormat
import SMTPProtocol
import SMTPTransport
import Synchronization

/// What the sessions of one listener share.
///
/// Concurrency: any thread; immutable but for the message rates, which stand behind a lock.
final class ListenerContext: Sendable {
    /// Whom a message counts for.
    enum RateKey: Hashable, Sendable {
        case address(IPAddress)
        case user(String)
    }

    /// Number of the listener in the configuration.
    let index: Int
    let policy: ListenerPolicy
    let session: ServerSessionConfiguration
    let rules: AcceptMessage.Rules
    let tls: TLSServerContext?
    let rejectedEvents: RejectedEvents
    /// Whether messages are rationed at all.
    let hasMessageRate: Bool
    /// nil inside: no rate. (An optional Mutex, whose storage moves, is not safe to lock.)
    private let messageRates: Mutex<RateTable<RateKey>?>

    init(
        index: Int, configuration: ReceptionConfiguration, tls: TLSServerContext?,
        decoySecret: [UInt8]
    ) {
        self.index = index
        self.tls = tls
        policy = configuration.listeners[index]
        session = Self.session(policy, configuration, decoySecret: decoySecret)
        rules = AcceptMessage.Rules(listener: policy, configuration: configuration)
        rejectedEvents = configuration.rejectedEvents
        hasMessageRate = policy.limits.messageRate != nil
        messageRates = Mutex(policy.limits.messageRate.map { RateTable($0) })
    }

    /// Whether one more message of this client would be within its rate.
    func allowsMessage(_ key: RateKey, now: UInt64) -> Bool {
        guard hasMessageRate else { return true }
        return messageRates.withLock { $0?.allows(key, now: now) ?? true }
    }

    /// Counts a message.
    func countMessage(_ key: RateKey, now: UInt64) {
        guard hasMessageRate else { return }
        messageRates.withLock { _ = $0?.take(key, now: now) }
    }

    private static func session(
        _ policy: ListenerPolicy, _ configuration: ReceptionConfiguration, decoySecret: [UInt8]
    ) -> ServerSessionConfiguration {
        var session = ServerSessionConfiguration(hostname: configuration.serverName)
        session.pieceOctets = ContentPiece.octets
        if policy.tls == nil || policy.implicitTLS { session.extensions.remove(.startTLS) }
        session.requireTLS = policy.requiresTLS
        session.relay.networks = policy.relayNetworks
        session.relay.domains = Set(policy.relayDomains.map { $0.asciiLowercased() })
        session.relay.requireAuthentication = policy.requiresAuthentication
        session.relay.authenticatedMayRelay = policy.authenticatedMayRelay
        if policy.offersAuthentication, configuration.usersFile != nil {
            session.authentication.mechanisms = [.plain, .login, .scramSHA256]
        }
        session.authentication.decoySecret = decoySecret
        session.limits.messageOctets = policy.limits.messageOctets
        session.limits.recipients = policy.limits.recipients
        let messages = policy.limits.messagesPerSession
        session.limits.messages = messages > 0 ? messages : .max
        session.reportsRefusals = configuration.rejectedEvents != .off
        return session
    }
}
