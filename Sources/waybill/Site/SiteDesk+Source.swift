import ConfigurationFile
import HTTPAPI
import Logging
import Replication

/// Whom the site follows while it is a standby, and who has chosen that.
extension SiteDesk {
    /// Who has chosen whom a standby follows.
    enum Choice: String, Hashable, Sendable {
        /// `standby_of`.
        case configured
        /// An order: rejoin, demote, switchover.
        case ordered
        /// This site itself, since that one is the primary.
        case found
    }

    /// What stands in `instead_of` where the configuration names nobody.
    private static let nobody = "nothing"

    /// Whom a standby follows.
    var primaryAddress: SiteAddress? {
        WaybillConfiguration.siteAddress(current.follows) ?? settings?.standbyOf
    }

    /// Who has chosen it.
    var choice: Choice {
        let site = current
        guard WaybillConfiguration.siteAddress(site.follows) != nil else { return .configured }
        return site.insteadOf.isEmpty ? .ordered : .found
    }

    /// In words, as the beginning of a sentence.
    var choiceText: String {
        switch choice {
        case .configured: "as configured"
        case .ordered: "as ordered"
        case .found: "found by itself (configured: \(current.insteadOf))"
        }
    }

    /// What was recorded, unless the configuration has been given another `standby_of` since the site chose
    /// by itself: then the operator's word is the newer one.
    static func taken(_ recorded: SiteState, _ settings: ReplicationSettings?) -> SiteState {
        guard !recorded.insteadOf.isEmpty, recorded.insteadOf != configured(settings) else {
            return recorded
        }
        var site = recorded
        (site.follows, site.insteadOf, site.followsPrimary) = ("", "", false)
        return site
    }

    private static func configured(_ settings: ReplicationSettings?) -> String {
        settings?.standbyOf.map { "\($0)" } ?? nobody
    }

    /// This standby has found the primary elsewhere: records it.
    ///
    /// - Returns: Whether it is to be followed: not when the site is no standby any more, or its role is
    ///   about to change, or nothing can be recorded.
    func found(_ address: SiteAddress, _ word: SourceWord) -> Bool {
        guard !demand.isRaised else { return false }
        let before = primaryAddress
        let isDone = change { site in
            guard site.role == .standby else { return false }
            site.follows = "\(address)"
            site.insteadOf = Self.configured(settings)
            site.followsPrimary = true
            site.epoch = max(site.epoch, word.knownEpoch)
            return true
        }
        guard isDone else { return false }
        logger.notice(
            "another site is the primary: this standby follows it from now on",
            metadata: [
                "site": "\(word.site)", "address": "\(address)", "epoch": "\(word.knownEpoch)",
                "before": "\(before.map { "\($0)" } ?? "nobody")",
            ])
        return true
    }

    /// Remembers whether whom this standby follows is the primary.
    func noteSource(isPrimary: Bool) {
        guard current.role == .standby, current.followsPrimary != isPrimary else { return }
        _ = change { site in
            guard site.role == .standby else { return false }
            site.followsPrimary = isPrimary
            return true
        }
    }
}
