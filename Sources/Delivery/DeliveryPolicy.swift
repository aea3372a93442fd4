package import MailModel
package import SMTPProtocol

/// Everything the configuration decides about sending.
///
/// Concurrency: value.
package struct DeliveryPolicy: Hashable, Sendable {
    /// What we call ourselves: argument of EHLO, Reporting-MTA, and the name by which an MX record
    /// that points back at us is recognised. Fully qualified.
    package var hostName: String
    /// Further names and IP addresses by which an MX record that points back at us is recognised.
    package var ownNames: Set<String>
    /// Where this server takes mail in: an MX host's address that is this machine's is a loop there.
    package var ownListeners: Set<OwnListener> = []
    package var router: Router
    package var retry: RetryPolicy
    /// What becomes of mail in doubt.
    package var doubt: DoubtPolicy
    package var destinationBackoff: BackoffPolicy
    package var notifications: NotificationPolicy
    /// How long to wait for other servers (RFC 5321 section 4.5.3.2).
    package var timeouts: ClientTimeouts
    /// PEM file with the roots that certificates must lead to where TLS is required; nil for the
    /// system's.
    package var trustRootsFile: String?
    /// Outgoing connections in all.
    package var connectionsMax: Int
    /// Octets of fresh messages kept in memory for their first attempt.
    package var contentMemoryOctets: Int
    /// Octets of messages read back from the log that are in memory at a time.
    package var readMemoryOctets: Int

    /// Creates a policy.
    package init(
        hostName: String, ownNames: Set<String> = [], router: Router = Router(),
        retry: RetryPolicy = RetryPolicy(), doubt: DoubtPolicy = DoubtPolicy(),
        destinationBackoff: BackoffPolicy = BackoffPolicy(),
        notifications: NotificationPolicy = NotificationPolicy(),
        timeouts: ClientTimeouts = ClientTimeouts(connect: .seconds(30)),
        trustRootsFile: String? = nil,
        connectionsMax: Int = Limits.connectionsInAll,
        contentMemoryOctets: Int = Limits.contentMemoryOctets,
        readMemoryOctets: Int = Limits.readMemoryOctets
    ) {
        self.hostName = hostName
        self.ownNames = ownNames
        self.router = router
        self.retry = retry
        self.doubt = doubt
        self.destinationBackoff = destinationBackoff
        self.notifications = notifications
        self.timeouts = timeouts
        self.trustRootsFile = trustRootsFile
        self.connectionsMax = connectionsMax
        self.contentMemoryOctets = contentMemoryOctets
        self.readMemoryOctets = readMemoryOctets
    }
}

extension DeliveryPolicy {
    /// Where this server takes mail in.
    ///
    /// Concurrency: value.
    package struct OwnListener: Hashable, Sendable {
        /// nil: every address of the machine.
        package var address: IPAddress?
        package var port: Int

        /// Creates a listener.
        package init(address: IPAddress?, port: Int) {
            self.address = address
            self.port = port
        }
    }

    /// Whether this server listens at an address of this machine.
    func listens(at address: IPAddress, port: Int) -> Bool {
        ownListeners.contains {
            $0.port == port && ($0.address == nil || $0.address == address)
        }
    }
}
