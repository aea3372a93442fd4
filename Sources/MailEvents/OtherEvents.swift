package import MailModel

/// `rejected`: a command was refused at ingress.
package struct SessionRejected: Equatable, Sendable {
    package var listener: String
    package var clientAddress: String
    package var clientName: String
    package var identity: String
    package var sessionID: String
    /// The refused command, lower case: `mail`, `rcpt`, `data`, `auth`, ...
    package var command: String
    /// The text between MAIL's angle brackets; empty when the session had not got so far.
    package var reversePath: String
    /// The text between RCPT's angle brackets; empty when the session had not got so far.
    package var forwardPath: String
    package var reply: Reply

    package init(
        listener: String, clientAddress: String, clientName: String, identity: String,
        sessionID: String, command: String, reversePath: String, forwardPath: String, reply: Reply
    ) {
        self.listener = listener
        self.clientAddress = clientAddress
        self.clientName = clientName
        self.identity = identity
        self.sessionID = sessionID
        self.command = command
        self.reversePath = reversePath
        self.forwardPath = forwardPath
        self.reply = reply
    }
}

/// `epoch_started`: the first event of a new writer's reign.
package struct EpochStarted: Equatable, Sendable {
    package var epoch: UInt32
    /// Name of the site that writes.
    package var site: String
    /// `created` or `imported`, later `promoted` or `restored`.
    package var reason: String

    package init(epoch: UInt32, site: String, reason: String) {
        self.epoch = epoch
        self.site = site
        self.reason = reason
    }
}

/// `configuration_applied`: the server runs with this configuration from here on.
package struct ConfigurationApplied: Equatable, Sendable {
    /// SHA-256 of the effective configuration without secrets, hexadecimal.
    package var digest: String
    /// Waybill's version.
    package var version: String

    package init(digest: String, version: String) {
        self.digest = digest
        self.version = version
    }
}
