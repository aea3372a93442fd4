package import EventLog

/// What a site can say of itself.
///
/// Concurrency: value.
package struct SiteStanding: Hashable, Sendable {
    /// The site's name.
    package var site: String
    /// nil while it has no log.
    package var logID: [UInt8]?
    /// Where its log ends.
    package var position: Position
    /// The highest epoch that it knows to be open somewhere; never lower than its log's.
    package var knownEpoch: UInt32
    /// It writes the log's last epoch.
    package var isPrimary: Bool
    /// Where the reigns of its log begin, ascending; empty where nobody has asked for them.
    package var epochs: [EpochStart]
    /// Where it takes links itself, as it tells whom it asks; 0: nowhere.
    package var port: UInt32

    /// Creates a standing.
    package init(
        site: String, logID: [UInt8]?, position: Position, knownEpoch: UInt32, isPrimary: Bool,
        epochs: [EpochStart] = [], port: UInt32 = 0
    ) {
        self.site = site
        self.logID = logID
        self.position = position
        self.knownEpoch = knownEpoch
        self.isPrimary = isPrimary
        self.epochs = epochs
        self.port = port
    }
}
