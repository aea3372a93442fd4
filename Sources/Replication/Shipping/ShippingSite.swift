package import EventLog
package import Logging

/// What shipping needs of the site that ships.
///
/// Concurrency: any thread.
package struct ShippingSite: Sendable {
    /// The site's log.
    package var reader: LogReader
    /// How it stands now.
    package var standing: @Sendable () -> SiteStanding
    /// Another site has opened this epoch, which is higher than any known here.
    package var learnedEpoch: @Sendable (UInt32, _ from: String) -> Void
    /// Another site of this log has told where it can be reached.
    package var met: @Sendable (SiteAddress) -> Void = { _ in }
    /// The states as of the cut of this site's log; nil: none are sent.
    package var states: (any PrunedStates)?
    /// Who has what.
    package var board: StandbyBoard
    /// Octets a second to all standbys together; 0: no limit.
    package var octetsPerSecond: UInt64 = 0
    /// Microseconds since the Unix epoch.
    package var now: @Sendable () -> Int64
    /// Of the program.
    package var version: String
    /// Told who comes and goes.
    package var logger: Logger

    /// Creates it.
    package init(
        reader: LogReader, standing: @escaping @Sendable () -> SiteStanding,
        learnedEpoch: @escaping @Sendable (UInt32, _ from: String) -> Void, board: StandbyBoard,
        octetsPerSecond: UInt64, now: @escaping @Sendable () -> Int64, version: String,
        logger: Logger
    ) {
        self.reader = reader
        self.standing = standing
        self.learnedEpoch = learnedEpoch
        self.board = board
        self.octetsPerSecond = octetsPerSecond
        self.now = now
        self.version = version
        self.logger = logger
    }
}
