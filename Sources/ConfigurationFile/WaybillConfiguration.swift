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
    package var compaction: CompactionSettings
    package var reception: ReceptionConfiguration
    package var delivery: DeliveryPolicy
    package var resolver: ResolverConfiguration
    package var server: ServerSettings
    /// The HTTP API; nil: none.
    package var http: APIConfiguration?

    /// The configuration of a server without a file: no listener yet, mail goes to the MX.
    package init(dataDirectory: String, hostName: String) {
        self.dataDirectory = dataDirectory
        self.hostName = hostName
        site = hostName
        log = EventLogConfiguration()
        compaction = CompactionSettings()
        reception = ReceptionConfiguration(serverName: hostName, listeners: [])
        delivery = DeliveryPolicy(hostName: hostName)
        resolver = ResolverConfiguration()
        server = ServerSettings()
    }
}

/// What becomes of sealed segments.
///
/// Concurrency: value.
package struct CompactionSettings: Hashable, Sendable {
    /// Whether the server rewrites them.
    package var isOn = true
    /// Zstandard level of events and content.
    package var level = 9
    /// Raw octets a second; 0: as fast as it goes.
    package var octetsPerSecond = 16 << 20
    /// Seconds after a segment's seal for which the content of final messages is kept; nil: for ever.
    package var contentRetentionSeconds: Int64? = 24 * 3600

    /// The defaults.
    package init() {}
}

/// How the process runs and speaks to its operator.
///
/// Concurrency: value.
package struct ServerSettings: Hashable, Sendable {
    /// Event loops; 0: one for every two cores, at least one.
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
