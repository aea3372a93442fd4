/// Whether a standby may take a lease that nobody holds, by itself.
///
/// It may when it has the holder's reign, when it followed the holder at the end or has all of its log
/// as the holder said it last, and when all that followed have said where their logs end, and none has
/// more. So what was acknowledged because a standby had it is not lost.
///
/// Concurrency: value.
package enum LeaseElection {
    /// What comes of it.
    package enum Verdict: Hashable, Sendable {
        /// It opens this epoch.
        case stands(epoch: UInt32)
        /// Why it waits, for people.
        case waits(String)
    }

    /// Judges.
    ///
    /// - Parameters:
    ///   - view: What etcd has; nobody holds the lease.
    ///   - here: This site.
    ///   - lagMax: Events of the holder's log, as it said its end last, that may be missing in a standby
    ///     that followed at the end.
    /// - Returns: The verdict.
    package static func judge(
        _ view: LeaseView, _ here: LeaseSite, lagMax: UInt64
    ) -> Verdict {
        guard let token = view.token else { return .waits("nobody has held the lease yet") }
        if let obstacle = here.obstacle { return .waits(obstacle) }
        guard token.site != here.name else {
            return .waits(
                here.positionEpoch < token.epoch
                    ? "this site took the lease for epoch \(token.epoch) last, and its log does not "
                        + "have that epoch: `waybill site promote` at the site whose log is the longest"
                    : "this site held the lease last, and was made a standby by order")
        }
        guard here.positionEpoch >= token.epoch else {
            return .waits(
                "this log ends in epoch \(here.positionEpoch), epoch \(token.epoch) was opened by "
                    + "\(token.site)")
        }
        let lag = token.sequence > here.sequence ? token.sequence - here.sequence : 0
        let followed = token.standbys.contains(here.name)
        guard lag <= (followed ? lagMax : 0) else {
            return .waits(
                followed
                    ? "this site lacks \(lag) event(s), more than max_lag"
                    : "this site did not follow at the end, and lacks \(lag) event(s)")
        }
        let said = view.candidates.filter {
            $0.campaign == view.tokenRevision && $0.site != here.name
        }
        let silent = token.standbys.filter { name in
            name != here.name && !said.contains { $0.site == name }
        }
        guard silent.isEmpty else {
            return .waits(
                "\(silent.sorted().joined(separator: ", ")) followed too and has not said where its log "
                    + "ends")
        }
        if let ahead = said.first(where: { isAhead($0, of: here) }) {
            return .waits("\(ahead.site) has more of the log, up to sequence \(ahead.sequence)")
        }
        return .stands(epoch: max(token.epoch, here.knownEpoch, here.positionEpoch) + 1)
    }

    private static func isAhead(_ other: LeaseCandidate, of here: LeaseSite) -> Bool {
        if other.epoch != here.positionEpoch { return other.epoch > here.positionEpoch }
        if other.sequence != here.sequence { return other.sequence > here.sequence }
        return other.stands && other.site < here.name
    }
}
