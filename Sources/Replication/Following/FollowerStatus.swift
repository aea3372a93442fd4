package import EventLog

/// How a standby stands to the site that it follows.
///
/// Concurrency: value.
package struct FollowerStatus: Hashable, Sendable {
    /// Whom it follows, HOST:PORT.
    package var address: String
    /// Its name; empty before the first link.
    package var site = ""
    package var isConnected = false
    /// It has let this site follow since it is followed.
    package var hasReached = false
    /// What it says of itself; nil before the first link.
    package var word: SourceWord?
    /// Between two attempts to reach it.
    package var retryMilliseconds = Int(ReplicationLimits.retryMilliseconds.first)
    /// Sealed segments are being fetched.
    package var fetching = 0
    /// Sealed segments that were to be fetched and are not here; it stays when the link ends.
    package var missing = 0
    /// Where this site's log ends; nil while there is none.
    package var position: Position?
    /// Where the other site's log ended when it said so last.
    package var end: Position?
    /// Time of the last event here, microseconds since the Unix epoch.
    package var lastEventTime: Int64?
    /// When the other site said something last, microseconds since the Unix epoch.
    package var lastHeard: Int64?
    /// Up to here both sites' chains were the same when they were compared last.
    package var consistentAsOf: UInt64?
    /// Octets taken over since this process began.
    package var receivedOctets: UInt64 = 0
    /// What went wrong last; nil once the link stands again.
    package var problem: String?
    /// The logs have gone different ways: nothing more is taken over.
    package var isDiverged = false

    /// Events that the other site has and this one lacks, as far as is known.
    package var lagEvents: UInt64 {
        let ends = (end?.sequence ?? 0, position?.sequence ?? 0)
        return ends.0 > ends.1 ? ends.0 - ends.1 : 0
    }

    /// Microseconds without a word after which nobody can tell how far behind the site is: a link that
    /// is busy brings news late.
    private static let silenceMicroseconds: Int64 = 3_000_000

    /// Microseconds since the last event that was taken over, while something is lacking or nobody can
    /// tell; 0 when nothing is.
    ///
    /// - Parameter now: Microseconds since the Unix epoch.
    /// - Returns: nil when there is no event to reckon from.
    package func lagMicroseconds(now: Int64) -> Int64? {
        let isSilent = lastHeard.map { now - $0 > Self.silenceMicroseconds } ?? true
        guard lagEvents > 0 || !isConnected || isSilent else { return 0 }
        return lastEventTime.map { max(0, now - $0) }
    }
}
