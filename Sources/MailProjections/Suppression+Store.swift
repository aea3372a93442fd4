import EventLog
package import Projections

extension Suppression: PositionedProjection {
    /// What the file lacks, if it is worth a write: addresses, or the mark after so many events that
    /// reading them again would hold up a start. nil when ``position`` is unknown, too.
    package mutating func takeCheckpoint() -> Checkpoint? {
        guard let position else { return nil }
        let isLongAgo =
            lastSequence >= savedThrough &+ Limits.eventsBetweenSuppressionCheckpoints
        guard needsWhole || isLongAgo || !added.isEmpty || !removed.isEmpty else { return nil }
        return takeCheckpoint(at: position)
    }
}
