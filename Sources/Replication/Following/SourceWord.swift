import EventLog

/// What a site says of itself, as far as it matters to whoever may follow it.
///
/// Concurrency: value.
package struct SourceWord: Hashable, Sendable {
    /// Its name.
    package var site: String
    package var isPrimary: Bool
    /// The highest epoch that it knows to be open somewhere.
    package var knownEpoch: UInt32
    /// Of the last event in its log; 0: there is none.
    package var logEpoch: UInt32

    /// Creates it.
    package init(site: String, isPrimary: Bool, knownEpoch: UInt32, logEpoch: UInt32) {
        self.site = site
        self.isPrimary = isPrimary
        self.knownEpoch = knownEpoch
        self.logEpoch = logEpoch
    }

    /// Of a site that was asked; nil when it does not take part in this log.
    ///
    /// - Parameter answer: What it said.
    package init?(_ answer: PeerAnswer) {
        guard answer.refusal == nil else { return nil }
        self.init(
            site: answer.site, isPrimary: answer.isPrimary, knownEpoch: answer.knownEpoch,
            logEpoch: answer.position?.epoch ?? 0)
    }
}

/// How a standby stands, for the decision whom it follows.
///
/// Concurrency: value.
package struct SourceSituation: Hashable, Sendable {
    /// Whom it follows.
    package var address: SiteAddress
    /// Whether there is a link.
    package var isConnected: Bool
    /// What the followed site says of itself; nil before the first link.
    package var word: SourceWord?
    /// The highest epoch that this site knows to be open somewhere.
    package var knownEpoch: UInt32
    /// Of the last event in this site's log; 0: there is none.
    package var logEpoch: UInt32

    /// Creates it.
    package init(
        address: SiteAddress, isConnected: Bool, word: SourceWord?, knownEpoch: UInt32,
        logEpoch: UInt32
    ) {
        self.address = address
        self.isConnected = isConnected
        self.word = word
        self.knownEpoch = knownEpoch
        self.logEpoch = logEpoch
    }
}
