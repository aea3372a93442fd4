/// Whether etcd can tell a dead site from a dead link: it can where it goes on when any one place is
/// lost, and so only with members at three.
///
/// Concurrency: value.
package enum LeaseWitness {
    /// A member of etcd's cluster.
    package struct Member: Hashable, Sendable {
        /// It learns, and has no vote.
        package var isLearner: Bool
        /// The hosts of its addresses for other members.
        package var hosts: [String]

        /// Creates a member.
        package init(isLearner: Bool, hosts: [String]) {
            self.isLearner = isLearner
            self.hosts = hosts
        }
    }

    /// Members and places that are needed.
    package static let least = 3

    /// Why no site may promote itself by this cluster's word.
    ///
    /// - Parameter members: Of the cluster.
    /// - Returns: nil when it is a witness.
    package static func problem(_ members: [Member]) -> String? {
        let voters = members.filter { !$0.isLearner }
        let places = Set(voters.flatMap { $0.hosts.prefix(1) })
        let found: String
        if voters.count < least {
            found = "etcd has \(voters.count) voting member(s)"
        } else if places.count < least {
            found = "etcd's voting members stand on \(places.count) host(s)"
        } else {
            return nil
        }
        return
            "\(found): two places cannot tell a dead site from a dead link. It takes three members at "
            + "three places, or witness: trusted for an etcd that stands at a third place"
    }
}
