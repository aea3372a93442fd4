package import EventLog
package import Logging

/// How a standby follows.
///
/// Concurrency: value.
package struct FollowerConfiguration: Sendable {
    /// This site's name.
    package var site: String
    /// Whom it follows at first.
    package var address: SiteAddress
    /// Where its log stands: `DATA/log`.
    package var logDirectory: String
    /// How the log is written.
    package var log: EventLogConfiguration
    /// Batches are wanted this many seconds after their last event only.
    package var delaySeconds: UInt32 = 0
    /// Where this site takes links itself; 0: nowhere.
    package var port: UInt32 = 0
    /// What an operator types to give up what only this site has, up to the address.
    package var rejoinCommand = "waybill site rejoin --follow"
    /// Where states go as of the cut of a pruned log; nil: such a log is not taken over.
    package var states: (any PrunedStates)?
    /// Where it is remembered which segments are being fetched (``FetchPlan``): `DATA/fetching`; nil:
    /// nowhere.
    package var fetchPlanPath: String?
    /// Of the program.
    package var version: String
    /// Told of setbacks.
    package var logger: Logger

    /// Creates a configuration.
    package init(
        site: String, address: SiteAddress, logDirectory: String, log: EventLogConfiguration,
        version: String, logger: Logger
    ) {
        self.site = site
        self.address = address
        self.logDirectory = logDirectory
        self.log = log
        self.version = version
        self.logger = logger
    }
}
