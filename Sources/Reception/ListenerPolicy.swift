package import EventLog
package import MailModel

/// The rules of one listener: where it listens, who may do what there, and how much.
///
/// Concurrency: value.
package struct ListenerPolicy: Hashable, Sendable {
    /// Names the listener in events, log lines and metrics.
    package var name: String
    /// Address or host name to listen on.
    package var host: String
    /// TCP port; 0 lets the kernel choose.
    package var port: Int

    /// Certificate for TLS; nil: no TLS at all here.
    package var tls: TLSFiles?
    /// TLS from the first octet (RFC 8314 section 3.3) instead of STARTTLS. Needs ``tls``.
    package var implicitTLS = false
    /// MAIL is refused (`530 5.7.0`) before TLS. Needs ``tls``.
    package var requiresTLS = false

    /// Clients of these networks may relay.
    package var relayNetworks: [IPNetwork] = []
    /// Authenticated clients may relay.
    package var authenticatedMayRelay = true
    /// Anybody may send to these domains; `.example.org` means every subdomain.
    package var relayDomains: [String] = []
    /// MAIL is refused (`530 5.7.0`) before AUTH, wherever the client is.
    package var requiresAuthentication = false
    /// Whether AUTH is offered at all. PLAIN and LOGIN are offered under TLS only.
    package var offersAuthentication = true

    /// Tenant and campaign of messages, and how clients may name them.
    package var attribution = AttributionPolicy()
    /// How much one client, and all of them, may ask for.
    package var limits = ListenerLimits()
    /// How long the listener waits.
    package var timeouts = ListenerTimeouts()
    /// What must be true before `250`.
    package var ackLevel = AckLevel.local

    /// Creates a policy with the default limits: nobody may relay yet.
    package init(name: String, host: String, port: Int) {
        self.name = name
        self.host = host
        self.port = port
    }
}

/// A certificate and its key, as files.
///
/// Concurrency: value.
package struct TLSFiles: Hashable, Sendable {
    /// PEM, the server's certificate first.
    package var certificateChainFile: String
    /// PEM.
    package var privateKeyFile: String

    /// Creates the pair.
    package init(certificateChainFile: String, privateKeyFile: String) {
        self.certificateChainFile = certificateChainFile
        self.privateKeyFile = privateKeyFile
    }
}

/// Where a message's tenant and campaign come from: the user, then the header, then the listener.
///
/// A user bound to a tenant cannot name another one by a header field.
///
/// Concurrency: value.
package struct AttributionPolicy: Hashable, Sendable {
    /// The tenant when nothing else names one; empty for none.
    package var tenant = ""
    /// The campaign when no header names one; empty for none.
    package var campaign = ""
    /// Header field that names the tenant; removed from the content. Empty: not looked for.
    package var tenantField = "X-Tenant"
    /// Header field that names the campaign; removed from the content. Empty: not looked for.
    package var campaignField = "X-Campaign"
    /// Whether a message is refused (`550 5.6.0`) when a field that would count does not hold a
    /// usable name; otherwise the field is ignored, and the message counts as if it had none.
    package var refusesUnusableNames = true
    /// Whether a client that may not relay may still name tenant and campaign by header.
    package var trustsEverybody = false

    /// Creates the default: by `X-Tenant` and `X-Campaign`.
    package init() {}
}

/// How much may be asked of a listener. 0 means no limit where nothing else is said.
///
/// Concurrency: value.
package struct ListenerLimits: Hashable, Sendable {
    /// Octets of one message.
    package var messageOctets = ReceptionLimits.messageOctets
    /// Recipients of one message; at least 100.
    package var recipients = ReceptionLimits.recipients
    /// Messages of one session.
    package var messagesPerSession = ReceptionLimits.messagesPerSession
    /// Sessions of one address (IPv6: one /64) at a time.
    package var sessionsPerAddress = ReceptionLimits.sessionsPerAddress
    /// Sessions at a time.
    package var sessions = ReceptionLimits.sessionsPerListener
    /// New connections of one address; nil: any.
    package var connectionRate: Rate?
    /// Messages of one user, or of one address where there is none; nil: any.
    package var messageRate: Rate?

    /// Creates the default limits.
    package init() {}
}

/// So many in a time, with as many at once: a token bucket.
package struct Rate: Hashable, Sendable {
    /// How many in ``seconds``; the bucket's size too.
    package var count: Int
    /// The time, in seconds.
    package var seconds: Int

    /// Creates a rate; both numbers at least 1.
    package init(_ count: Int, perSeconds seconds: Int) {
        self.count = max(1, count)
        self.seconds = max(1, seconds)
    }
}

/// How long a listener waits for its clients, in seconds.
///
/// Concurrency: value.
package struct ListenerTimeouts: Hashable, Sendable {
    /// For the next command.
    package var commandSeconds = Double(ReceptionLimits.commandSeconds)
    /// From MAIL to the content, for ``ReceptionLimits/recipients`` recipients; in proportion longer
    /// where the listener takes more.
    package var envelopeSeconds = Double(ReceptionLimits.envelopeSeconds)
    /// For the next octets of a message.
    package var dataIdleSeconds = Double(ReceptionLimits.dataIdleSeconds)
    /// For a whole message.
    package var dataSeconds = Double(ReceptionLimits.dataSeconds)
    /// From the start of a message until its rate must be ``dataOctetsPerSecond``.
    package var dataGraceSeconds = Double(ReceptionLimits.dataGraceSeconds)
    /// The slowest rate of a message, in octets a second; 0 for any.
    package var dataOctetsPerSecond = ReceptionLimits.dataOctetsPerSecond
    /// For a TLS handshake.
    package var handshakeSeconds = Double(ReceptionLimits.handshakeSeconds)

    /// Creates the default timeouts.
    package init() {}
}
