package import Delivery
package import EventLog
package import HTTPAPI
package import Reception
package import Resolver

/// Everything `waybill serve` needs to know, from a file, from flags, or from both.
///
/// Concurrency: value.
package struct WaybillConfiguration: Sendable {
    /// Holds the log, the projections and the lock; created when missing.
    package var dataDirectory: String
    /// Our name: greeting, EHLO, Received, Message-ID, Reporting-MTA. Fully qualified in production.
    package var hostName: String
    /// Names this node in `epoch_started`.
    package var site: String
    package var log: EventLogConfiguration
    /// Whether the server rewrites sealed segments.
    package var compacts = true
    /// How; which content is needed is for the composition root to say.
    package var compaction: CompactionOptions
    /// Which events the server keeps; off: all.
    package var pruning = PruneLimits()
    /// Where segments are copied before they go; empty: nowhere.
    package var pruneArchive = ""
    package var reception: ReceptionConfiguration
    package var delivery: DeliveryPolicy
    /// The files that ``delivery``'s passwords were read from, in the file's order.
    package var passwordFiles: [String] = []
    package var resolver: ResolverConfiguration
    package var server: ServerSettings
    /// The HTTP API; nil: none.
    package var http: APIConfiguration?
    /// Where the log is archived; nil: nowhere.
    package var backup: BackupSettings?
    /// Other sites; nil: there are none.
    package var replication: ReplicationSettings?

    /// The configuration of a server without a file: no listener yet, mail goes to the MX.
    package init(dataDirectory: String, hostName: String) {
        self.dataDirectory = dataDirectory
        self.hostName = hostName
        site = hostName
        log = EventLogConfiguration()
        compaction = CompactionOptions()
        compaction.contentRetentionSeconds = 24 * 3600
        reception = ReceptionConfiguration(serverName: hostName, listeners: [])
        delivery = DeliveryPolicy(hostName: hostName)
        resolver = ResolverConfiguration()
        server = ServerSettings()
    }
}

/// How the process runs and speaks to its operator.
///
/// Concurrency: value.
package struct ServerSettings: Hashable, Sendable {
    /// Event loops; 0: one for each core.
    package var eventLoops = 0
    /// Milliseconds that transactions under way may take after SIGTERM.
    package var stopMilliseconds = 30_000
    /// trace, debug, info, notice, warning, error, critical.
    package var logLevel = "info"
    /// json, human, or auto: human on a terminal.
    package var logFormat = "auto"
    /// Whether mail is sent; without, it is accepted and kept.
    package var delivers = true
    /// Milliseconds between checkpoints of the queue and of the other projections.
    package var checkpointMilliseconds = 5000
    /// Names of projections that go on without an event they refuse; the others stop before it.
    package var skipsRefusedEvents: [String] = []

    /// The defaults.
    package init() {}
}
