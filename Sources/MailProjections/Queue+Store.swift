import EventLog
package import Projections

extension Queue: PositionedProjection {
    /// What the file lacks, if anything; nil when there is nothing new or ``position`` is unknown.
    ///
    /// Takes a reference to each new or changed row, no copy of it: some microseconds for a hundred.
    package mutating func takeCheckpoint() -> Checkpoint? {
        guard let position, needsWhole || lastSequence > savedThrough else { return nil }
        return takeCheckpoint(at: position)
    }
}
