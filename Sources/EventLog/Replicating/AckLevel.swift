/// How safe an append must be before it is acknowledged.
///
/// Concurrency: value.
package enum AckLevel: Hashable, Sendable {
    /// Fsynced on this machine.
    case local
    /// And on standbys.
    case replicated(StandbyDemand)

    /// What is asked of standbys; nil: nothing.
    package var demand: StandbyDemand? {
        if case .replicated(let demand) = self { demand } else { nil }
    }

    /// What satisfies both: the greater number of standbys, and `refuse` where one of them says so.
    ///
    /// - Parameter other: Another one.
    /// - Returns: The safer of the two, or one that is safer than either.
    package func and(_ other: AckLevel) -> AckLevel {
        guard let ours = demand else { return other }
        guard let theirs = other.demand else { return self }
        let refuses = ours.whenAway == .refuse || theirs.whenAway == .refuse
        return .replicated(
            StandbyDemand(
                standbys: max(ours.standbys, theirs.standbys),
                whenAway: refuses ? .refuse : .accept))
    }
}
