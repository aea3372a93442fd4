package import EventLog

/// Where the HTTP API listens, who may use it, and how much.
///
/// Concurrency: value.
package struct APIConfiguration: Hashable, Sendable {
    /// Address or host name to listen on.
    package var host: String
    /// TCP port; 0 lets the kernel choose.
    package var port: Int
    /// Whether there is a TCP listener at all: without one, host and port mean nothing.
    package var listensOnNetwork = true
    /// Path of a Unix socket at which the server's own user does everything without a key; nil: none.
    package var controlSocket: String?
    /// PEM files; nil: plain HTTP.
    package var tls: APITLSFiles?
    /// Plain HTTP on an address that other machines reach: keys and mail then cross the network
    /// in the clear.
    package var allowsPlaintextBeyondLoopback = false
    /// The file of keys (see ``APIKeyFile``); nil: nobody has a key.
    package var keysFile: String?
    /// The `by` clause of Received.
    package var serverName: String
    /// Message-ID and Date are supplied when missing.
    package var suppliesMissingFields = true

    /// What must be true before an injected message is answered for.
    package var ackLevel = AckLevel.local
    /// What tenants ask for beyond that, by name.
    package var tenantAckLevels: [String: AckLevel] = [:]

    /// Octets of one request's body, inflated.
    package var bodyOctets = APILimits.bodyOctets
    /// Values of one request's JSON body.
    package var bodyValues = APILimits.bodyValues
    /// Octets of one message.
    package var messageOctets = APILimits.messageOctets
    /// Recipients of one request.
    package var recipients = APILimits.recipients
    /// Connections at a time.
    package var connections = APILimits.connections
    /// Event streams at a time.
    package var streams = APILimits.streams

    /// Creates the configuration of a listener with the default limits.
    package init(host: String, port: Int, serverName: String) {
        self.host = host
        self.port = port
        self.serverName = serverName
    }

    /// Only a control socket, if that.
    package static func withoutNetwork(serverName: String) -> APIConfiguration {
        var configuration = APIConfiguration(host: "", port: 0, serverName: serverName)
        configuration.listensOnNetwork = false
        return configuration
    }

    /// Whether only this machine reaches the address.
    package var isOnLoopback: Bool {
        host == "localhost" || host == "::1" || host.hasPrefix("127.")
    }

    /// What is wrong with it, in words that say what to do; empty when nothing is.
    package func problems() -> [String] {
        guard listensOnNetwork, tls == nil, !isOnLoopback, !allowsPlaintextBeyondLoopback else {
            return []
        }
        return [
            "http: \(host) is reached by other machines, and there is no certificate: keys and"
                + " mail would cross the network in the clear. Give `tls`, listen on 127.0.0.1, or"
                + " set `allow_plaintext_beyond_loopback: true` where a proxy ends TLS"
        ]
    }
}

/// A certificate and its key, as files.
///
/// Concurrency: value.
package struct APITLSFiles: Hashable, Sendable {
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

/// Why the HTTP API cannot start.
package struct APIError: Error, Equatable, Sendable, CustomStringConvertible {
    /// One line for each problem.
    package var description: String

    init(_ description: String) { self.description = description }
}
