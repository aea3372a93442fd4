/// Whom a standby follows: the site that it was told to follow, until another one is the primary of the
/// highest epoch that can be heard of.
///
/// What it decides: a standby of a primary that is none any more goes to the new one at once. A standby of a
/// standby stays where it is, unless that one is away, or knows of an epoch that does not get into its log.
///
/// What it never does: choose a site that does not say itself that it is the primary, choose between two
/// that say so of one epoch, look at a clock, or talk to anybody. Whether the log fits is found by following:
/// the new primary compares the chain before it sends anything, and nothing is cut off here.
///
/// Concurrency: value.
package struct SourceMachine: Sendable {
    /// What is to be done.
    package enum Verdict: Hashable, Sendable {
        /// Go on as it is.
        case stay(Reason)
        /// Follow this site from now on.
        case move(to: SiteAddress, word: SourceWord)
    }

    /// Why nothing is changed.
    package enum Reason: Hashable, Sendable {
        /// The followed site is the primary of the highest epoch.
        case primary(epoch: UInt32)
        /// It is a standby, has what is open, and is followed as that.
        case standby
        /// It cannot be followed now, and this one is the primary; it is not gone for long enough.
        case waiting(for: String)
        /// No site that can be asked is the primary of the highest epoch.
        case nobody
        /// Several sites are, by name.
        case rivals([String])
    }

    private struct Heard: Hashable, Sendable {
        var word: SourceWord
        var time: UInt64
    }

    /// This site's name.
    private let site: String
    private var others: [SiteAddress: Heard] = [:]
    private var address: SiteAddress?
    private var word: SourceWord?
    /// Since when there is no link.
    private var awaySince: UInt64?
    /// Since when the followed standby lacks the highest epoch.
    private var behindSince: UInt64?

    /// The followed site was the primary when it was heard last: to be remembered over restarts.
    package private(set) var followsPrimary: Bool

    /// Creates it.
    ///
    /// - Parameters:
    ///   - site: This site's name.
    ///   - followsPrimary: As remembered.
    package init(site: String, followsPrimary: Bool) {
        self.site = site
        self.followsPrimary = followsPrimary
    }

    /// Takes in what a site that is not followed has said.
    ///
    /// - Parameters:
    ///   - address: Where it was asked.
    ///   - word: nil: it did not answer, or does not take part.
    ///   - now: Milliseconds of a clock that never goes back.
    package mutating func heard(_ address: SiteAddress, _ word: SourceWord?, now: UInt64) {
        others[address] = word.map { Heard(word: $0, time: now) }
    }

    /// Decides.
    ///
    /// - Parameters:
    ///   - here: This site.
    ///   - now: Milliseconds of a clock that never goes back.
    /// - Returns: What is to be done. After a move, `here` is to show the new address.
    package mutating func look(_ here: SourceSituation, now: UInt64) -> Verdict {
        others = others.filter { now < $0.value.time + ReplicationLimits.wordMilliseconds }
        if here.address != address {
            address = here.address
            (word, awaySince, behindSince) = (nil, nil, nil)
        }
        if let said = here.word { word = said }
        if here.isConnected, let word, word.isPrimary { followsPrimary = true }
        let epoch = max(
            here.knownEpoch, word?.knownEpoch ?? 0,
            others.values.map(\.word.knownEpoch).max() ?? 0)
        if here.isConnected, let word, word.isPrimary, word.knownEpoch >= epoch {
            (awaySince, behindSince) = (nil, nil)
            return .stay(.primary(epoch: epoch))
        }
        let leaders = leaders(of: epoch, besides: here.address)
        let names = Set(leaders.map(\.word.site)).sorted()
        guard names.count < 2 else { return .stay(.rivals(names)) }
        let leader = leaders.first
        let isToMove =
            here.isConnected
            ? isLeft(highest: epoch, isLed: leader != nil, now: now)
            : isLost(here, highest: epoch, now: now)
        if isToMove, let leader {
            followsPrimary = true
            return .move(to: leader.address, word: leader.word)
        }
        if here.isConnected, let word, !word.isPrimary, word.logEpoch >= epoch {
            return .stay(.standby)
        }
        return .stay(leader.map { .waiting(for: $0.word.site) } ?? .nobody)
    }

    /// Sites that are the primary of an epoch, in the order of their addresses.
    private func leaders(
        of epoch: UInt32, besides followed: SiteAddress
    ) -> [(address: SiteAddress, word: SourceWord)] {
        others.filter { address, heard in
            address != followed && heard.word.site != site && heard.word.isPrimary
                && heard.word.knownEpoch == epoch
        }
        .map { ($0.key, $0.value.word) }
        .sorted { "\($0.address)" < "\($1.address)" }
    }

    /// Whether a site that answers, and is not the primary of the highest epoch, is followed no longer.
    private mutating func isLeft(highest epoch: UInt32, isLed: Bool, now: UInt64) -> Bool {
        awaySince = nil
        guard let word, !word.isPrimary, !followsPrimary else { return true }
        // A standby in between may be about to follow the new primary itself.
        guard word.logEpoch < epoch, isLed else {
            behindSince = nil
            return false
        }
        let since = behindSince ?? now
        behindSince = since
        return now >= since + ReplicationLimits.sourceBehindMilliseconds
    }

    /// Whether a site without a link is followed no longer.
    private mutating func isLost(
        _ here: SourceSituation, highest epoch: UInt32, now: UInt64
    ) -> Bool {
        behindSince = nil
        let since = awaySince ?? now
        awaySince = since
        // Another reign has begun: there is nothing to wait for. But a standby in between, which may only
        // be restarting, is given its time.
        return (followsPrimary && epoch > here.logEpoch)
            || now >= since + ReplicationLimits.sourceAwayMilliseconds
    }
}
