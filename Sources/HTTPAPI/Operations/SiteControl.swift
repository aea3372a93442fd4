package import EventLog

/// The site as the API knows it: the composition root, or a double in tests.
///
/// Concurrency: any thread.
package protocol SiteControl: Sendable {
    /// How the site stands, and the others as far as it knows.
    func report() -> SiteReport
    /// Does what is ordered, or says what it would do.
    ///
    /// - Parameters:
    ///   - order: What to do.
    ///   - isDryRun: Change nothing.
    /// - Returns: What was begun; the change of role itself follows when this has returned.
    /// - Throws: Why it cannot be done.
    func carryOut(_ order: SiteOrder, isDryRun: Bool) throws(SiteRefusal) -> SiteOutcome
    /// Queues anew what waited in an export of another site's tail, as it lies on this machine.
    ///
    /// - Parameters:
    ///   - directory: The export.
    ///   - isDryRun: Change nothing.
    /// - Returns: What was queued, or would be.
    /// - Throws: Why it cannot be done; what was queued before is, and is not queued twice.
    func salvage(
        _ directory: String, isDryRun: Bool
    ) async throws(SiteRefusal) -> SalvageOutcome
    /// Asks every other site where its log ends, and compares.
    ///
    /// - Returns: One for each site that is configured, followed or following.
    /// - Throws: When this site knows no others, or has no log yet.
    func compare() async throws(SiteRefusal) -> [SiteComparison]
}

/// What came of a salvage.
///
/// Concurrency: value.
package struct SalvageOutcome: Hashable, Sendable {
    /// Messages that were accepted only at the other site.
    package var messages = 0
    /// Of those, messages whose recipients were all final there.
    package var finished = 0
    /// Messages queued anew now.
    package var queued = 0
    /// Recipients of those.
    package var recipients = 0
    /// Messages that an earlier salvage has queued.
    package var already = 0
    /// Messages whose content is not in the export.
    package var withoutContent = 0
    /// Deliveries, of messages that both sites know, that only the other site knows of: this site may
    /// send them again.
    package var deliveredElsewhere = 0

    /// Nothing yet.
    package init() {}
}

/// What can be ordered of a site.
///
/// Concurrency: value.
package enum SiteOrder: Hashable, Sendable {
    /// Open the next epoch here. With force, although the primary answers.
    case promote(force: Bool)
    /// Stop writing, and follow another site.
    case demote(follow: String)
    /// Hand over to a standby that has everything; empty: whichever is connected.
    case switchover(to: String)
    /// Give up what only this site has, after it was exported, and follow another site.
    case rejoin(follow: String)
    /// Keep nothing for a standby that is gone for good.
    case forget(site: String)
}

/// What came of an order.
///
/// Concurrency: value.
package struct SiteOutcome: Hashable, Sendable {
    /// Whether there was anything to do.
    package var isChange: Bool
    /// The role that the site has, or is about to have.
    package var role: String
    /// The epoch that goes with it.
    package var epoch: UInt32
    /// What is done, or would be, in words.
    package var steps: [String]

    /// Creates an outcome.
    package init(isChange: Bool, role: String, epoch: UInt32, steps: [String]) {
        self.isChange = isChange
        self.role = role
        self.epoch = epoch
        self.steps = steps
    }
}

/// Why an order is not carried out.
///
/// Concurrency: value.
package struct SiteRefusal: Error, Hashable, Sendable {
    /// In words, with what to do instead.
    package var reason: String
    /// The site is changing its role: the same order may be taken in a moment.
    package var isTemporary: Bool

    /// Creates a refusal.
    package init(_ reason: String, isTemporary: Bool = false) {
        self.reason = reason
        self.isTemporary = isTemporary
    }
}

/// How a site stands. Times are microseconds since the Unix epoch.
///
/// Concurrency: value.
package struct SiteReport: Hashable, Sendable {
    /// A standby of this site.
    package struct Standby: Hashable, Sendable {
        package var site: String
        package var peer: String
        package var isConnected: Bool
        package var sequence: UInt64
        package var lagEvents: UInt64
        package var lastSeen: Int64
        package var sentOctets: UInt64
        /// It needed more of the log than may be kept for it, and must be set up anew.
        package var isGivenUp: Bool

        /// Creates a standby's line.
        package init(
            site: String, peer: String, isConnected: Bool, sequence: UInt64, lagEvents: UInt64,
            lastSeen: Int64, sentOctets: UInt64, isGivenUp: Bool = false
        ) {
            self.isGivenUp = isGivenUp
            self.site = site
            self.peer = peer
            self.isConnected = isConnected
            self.sequence = sequence
            self.lagEvents = lagEvents
            self.lastSeen = lastSeen
            self.sentOctets = sentOctets
        }
    }

    /// The site that this one follows.
    package struct Primary: Hashable, Sendable {
        package var address: String
        package var site = ""
        package var isConnected = false
        /// It has let this site follow at least once since this process began.
        package var isReached = false
        /// `configured`, `ordered`, or `found` by this site itself; empty: not known yet.
        package var choice = ""
        /// Why it is followed, for people.
        package var why = ""
        /// Between two attempts to reach it; nil while there is a link.
        package var retryMilliseconds: Int?
        package var sequence: UInt64?
        package var lagEvents: UInt64 = 0
        package var lagMicroseconds: Int64?
        package var consistentAsOf: UInt64?
        package var fetching = 0
        package var receivedOctets: UInt64 = 0
        package var problem: String?
        package var isDiverged = false

        /// Creates it.
        package init(address: String) { self.address = address }
    }

    /// What the last rehearsal of a promotion came to.
    package struct Drill: Hashable, Sendable {
        /// Microseconds since the Unix epoch.
        package var time: Int64
        package var isWell: Bool
        /// Where the log ended that was rehearsed with.
        package var sequence: UInt64
        /// From opening the log until delivery could have begun, nothing folded beforehand.
        package var recoveryMilliseconds: Int64
        /// The first thing that was wrong; empty: nothing.
        package var finding: String

        /// Creates it.
        package init(
            time: Int64, isWell: Bool, sequence: UInt64, recoveryMilliseconds: Int64,
            finding: String
        ) {
            self.time = time
            self.isWell = isWell
            self.sequence = sequence
            self.recoveryMilliseconds = recoveryMilliseconds
            self.finding = finding
        }
    }

    /// The lease in etcd.
    package struct Lease: Hashable, Sendable {
        /// Whether a standby takes over by itself.
        package enum Promotion: String, Hashable, Sendable {
            case automatic, manual
            /// It was to be automatic, and etcd is no witness.
            case refused
        }

        /// By this site.
        package var isHeld: Bool
        /// Who holds it; empty: nobody, as far as is known.
        package var holder = ""
        /// The highest that was opened under the lease; 0: none.
        package var epoch: UInt32 = 0
        /// Until this site stops writing; nil unless it is the holder.
        package var secondsLeft: Double?
        /// etcd has answered the last question.
        package var isAnswered = true
        package var promotion = Promotion.manual
        /// Why it is refused.
        package var promotionProblem: String?
        /// What went wrong last, or why this site waits.
        package var problem: String?

        /// Creates it.
        package init(isHeld: Bool) { self.isHeld = isHeld }
    }

    /// The role of a primary that does not hold the lease: it writes nothing.
    package static let waiting = "waiting"

    package var site: String
    package var role: String
    /// The highest epoch known to be open somewhere.
    package var epoch: UInt32
    /// 32 hexadecimal digits; empty while there is no log.
    package var logID = ""
    /// Where this site's log ends.
    package var sequence: UInt64 = 0
    package var positionEpoch: UInt32 = 0
    /// After the last batch, hexadecimal.
    package var chainHash = ""
    /// Where other sites reach this one; empty: they do not.
    package var listen = ""
    /// What the last change of role came to; empty: nothing to say.
    package var note = ""
    package var standbys: [Standby] = []
    /// nil unless it follows.
    package var primary: Primary?
    /// What was acknowledged at which level since the start; nil unless it writes.
    package var acks: StandbyGate.Totals?
    /// nil when there was none.
    package var drill: Drill?
    /// nil where an operator says who is the primary.
    package var lease: Lease?

    /// Creates a report.
    package init(site: String, role: String, epoch: UInt32) {
        self.site = site
        self.role = role
        self.epoch = epoch
    }
}

/// A site without others.
///
/// Concurrency: value.
package struct LoneSite: SiteControl {
    private let site: String

    /// - Parameter site: Its name.
    package init(site: String) { self.site = site }

    package func report() -> SiteReport { SiteReport(site: site, role: "primary", epoch: 0) }

    package func carryOut(
        _ order: SiteOrder, isDryRun: Bool
    ) throws(SiteRefusal) -> SiteOutcome {
        throw SiteRefusal(
            "This server knows no other sites: add replication to its configuration.")
    }

    package func salvage(
        _ directory: String, isDryRun: Bool
    ) async throws(SiteRefusal) -> SalvageOutcome {
        throw SiteRefusal(
            "This server knows no other sites: add replication to its configuration.")
    }

    package func compare() async throws(SiteRefusal) -> [SiteComparison] {
        throw SiteRefusal(
            "This server knows no other sites: add replication to its configuration.")
    }
}
