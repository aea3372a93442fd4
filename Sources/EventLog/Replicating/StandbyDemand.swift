/// On how many standbys an append must be durable before anybody is told.
///
/// Concurrency: value.
package struct StandbyDemand: Hashable, Sendable {
    /// What happens while fewer standbys follow.
    package enum WhenAway: String, Hashable, Sendable, CaseIterable {
        /// Nothing is acknowledged: the append fails with `notReplicated` when its time is over,
        /// although it stands in this site's log.
        case refuse
        /// It is acknowledged as soon as it is durable here, and counted.
        case accept
    }

    /// From 1.
    package var standbys: Int
    package var whenAway: WhenAway

    /// Creates a demand.
    package init(standbys: Int, whenAway: WhenAway) {
        self.standbys = standbys
        self.whenAway = whenAway
    }

    /// Whether so few standbys follow that nothing is to be acknowledged.
    ///
    /// - Parameter present: Standbys that follow now.
    /// - Returns: True only with ``WhenAway/refuse``.
    package func isHopeless(present: Int) -> Bool {
        whenAway == .refuse && present < standbys
    }

    /// On how many standbys it can be promised to be.
    ///
    /// - Parameter present: Standbys that follow now.
    /// - Returns: 0 when they are too few.
    package func promised(present: Int) -> Int { present >= standbys ? standbys : 0 }
}

/// How safe an append was when its observer was told.
package enum Durability: Hashable, Sendable {
    /// On this site.
    case here
    /// And on so many standbys.
    case replicated(standbys: Int)
    /// On this site only, although more was asked for: standbys were away or too slow.
    case degraded
}
