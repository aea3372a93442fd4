import EventLog
import SmallFiles

/// The segments that a standby has set out to fetch, remembered until all of them are here, so that a
/// standby that has started anew still knows that it has only a part of the log: `DATA/fetching`.
///
/// The first line is the epoch of the log that they belong to; then the last sequence of each segment.
///
/// Concurrency: value; loading, saving and removing block.
struct FetchPlan: Hashable, Sendable {
    /// Of the other site's log. A log of a higher epoch went on without these segments.
    var epoch: UInt32
    /// Ascending.
    var lastSequences: [UInt64]

    /// Octets of the file: what ``ReplicationLimits/segmentsRemembered`` need at most.
    private static let octetsMax = Int64(21 * (ReplicationLimits.segmentsRemembered + 1))

    /// How many of them a log that ends there lacks.
    func missing(behind position: Position) -> Int {
        guard position.epoch <= epoch else { return 0 }
        return lastSequences.count { $0 > position.sequence }
    }

    /// Reads the file; nil when there is none, or it is of no use.
    static func load(_ path: String) -> FetchPlan? {
        guard SmallFile.exists(path),
            let text = try? SmallFile.read(path, octetsMax: octetsMax).text
        else { return nil }
        let lines = text.split(separator: "\n")
        let sequences = lines.dropFirst().compactMap { UInt64($0) }
        guard let epoch = lines.first.flatMap({ UInt32($0) }), sequences.count == lines.count - 1
        else { return nil }
        return FetchPlan(epoch: epoch, lastSequences: sequences)
    }

    /// Writes the file, durably.
    func save(_ path: String) throws(SmallFileError) {
        let lines = lastSequences.suffix(ReplicationLimits.segmentsRemembered)
        try SmallFile.replace(
            path, with: "\(epoch)\n" + lines.map { "\($0)\n" }.joined())
    }
}
