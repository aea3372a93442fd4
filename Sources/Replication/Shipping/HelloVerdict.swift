import EventLog
import ReplicationSchema

/// What a site makes of another one's first words.
///
/// Concurrency: value.
enum HelloVerdict: Hashable, Sendable {
    /// It may have what it asks for.
    case welcome
    /// It may not; the link ends.
    case refused(Waybill_Replication_V1_RefusalReason, String, common: Position?)
    /// It knows a higher epoch: this site writes no more.
    case fencedBy(UInt32)
}

/// Judges whether a site may follow, without I/O or clock.
///
/// Concurrency: value.
struct HelloJudge: Sendable {
    /// What this site is.
    var standing: SiteStanding
    /// First sequence that this site's log still has.
    var firstSequence: UInt64 = 1
    /// Whether this site can send the states that stand for the events before that.
    var sendsStates = false
    /// Where the batch of this site's log ends that contains a sequence; nil beyond its end.
    var batchEnd: @Sendable (UInt64) throws -> Position?

    /// Judges a Hello.
    func judge(_ hello: Waybill_Replication_V1_Hello) throws -> HelloVerdict {
        guard hello.protocol == ReplicationLimits.protocolVersion else {
            return .refused(
                .otherProtocol,
                "protocol \(hello.protocol) is not spoken here, "
                    + "\(ReplicationLimits.protocolVersion) is", common: nil)
        }
        if let problem = Self.malformation(of: hello) {
            return .refused(.otherProtocol, problem, common: nil)
        }
        guard let logID = standing.logID else {
            return .refused(.notReady, "\(standing.site) has no log yet", common: nil)
        }
        guard hello.logIDOctets.isEmpty || hello.logIDOctets == logID else {
            return .refused(
                .otherLog, "\(standing.site) holds another log than \(hello.site)", common: nil)
        }
        // Only then: the epochs of another log say nothing of this one.
        if hello.knownEpoch > standing.knownEpoch, standing.isPrimary {
            return .fencedBy(hello.knownEpoch)
        }
        guard hello.purpose == .follow else { return .welcome }
        guard !hello.isPrimary else {
            return .refused(.notReady, "a primary follows nobody", common: nil)
        }
        guard hello.site != standing.site else {
            return .refused(
                .notReady, "two sites are called \(hello.site), or this one follows itself",
                common: nil)
        }
        guard let position = hello.position.position else {
            return .refused(.otherProtocol, "the position has no hash", common: nil)
        }
        guard
            position.sequence + 1 >= firstSequence
                || (position.sequence == 0 && sendsStates && hello.takesPruned)
        else { return .refused(.notReady, pruned(position), common: nil) }
        return try judge(position, of: hello.site)
    }

    /// What cannot be so, whoever says it: it is kept, shown and reckoned with.
    private static func malformation(of hello: Waybill_Replication_V1_Hello) -> String? {
        let isNamed = (1...ReplicationLimits.siteOctets).contains(hello.site.utf8.count)
        guard isNamed,
            hello.site.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
        else {
            return
                "a site's name has 1 to \(ReplicationLimits.siteOctets) octets and no control characters"
        }
        guard hello.knownEpoch <= ReplicationLimits.epochMax else {
            return
                "epoch \(hello.knownEpoch) cannot be: the highest is \(ReplicationLimits.epochMax)"
        }
        guard hello.position.sequence < .max, hello.position.epoch <= ReplicationLimits.epochMax
        else { return "there is no such position" }
        return nil
    }

    /// What a site is told of which the next events are gone.
    private func pruned(_ position: Position) -> String {
        // One that has an empty data directory already does not know how to begin behind a cut.
        let remedy =
            sendsStates && position.sequence > 0
            ? "with an empty data directory" : "with a copy of its data directory"
        return
            "the log of \(standing.site) was pruned and begins at \(firstSequence); start the standby "
            + remedy
    }

    private func judge(_ position: Position, of site: String) throws -> HelloVerdict {
        guard position.sequence > 0 else { return .welcome }
        if position.sequence <= standing.position.sequence,
            let end = try batchEnd(position.sequence), end.sequence == position.sequence,
            end.chainHash == position.chainHash
        {
            return .welcome
        }
        // The first reign here that the other site does not know began where the two parted, or later.
        let parted = standing.epochs.first { $0.epoch > position.epoch }?.firstSequence
        let last = min(position.sequence, standing.position.sequence, (parted ?? .max) - 1)
        let common = last > 0 ? try batchEnd(last) : .beginning
        let text =
            "the log of \(site) ends at \(position.sequence) of epoch \(position.epoch), and that is not "
            + "in the log of \(standing.site)"
        return .refused(.diverged, text, common: common)
    }
}
