package import SmallFiles

/// What a site remembers of a standby over restarts: up to where it has the log, so that what it still
/// needs is not pruned. `DATA/slots`, a line each: sequence, when it was seen last, name; `given-up` before
/// these where nothing is kept for it any more.
///
/// Concurrency: value; loading and saving block.
package struct StandbySlot: Hashable, Sendable {
    package var site: String
    /// Durable there.
    package var sequence: UInt64
    /// Microseconds since the Unix epoch.
    package var lastSeen: Int64
    /// Nothing is kept for it any more: it needed more than may be kept.
    package var isGivenUp: Bool

    /// Creates a slot.
    package init(site: String, sequence: UInt64, lastSeen: Int64, isGivenUp: Bool = false) {
        self.isGivenUp = isGivenUp
        self.site = site
        self.sequence = sequence
        self.lastSeen = lastSeen
    }

    /// The first event that it lacks.
    package var firstNeeded: UInt64 { sequence < .max ? sequence + 1 : .max }

    private static let octetsMax: Int64 = 1 << 20
    private static let givenUp = "given-up "

    /// Where slots stand in a data directory.
    package static func path(dataDirectory: String) -> String { dataDirectory + "/slots" }

    /// Reads the slots.
    ///
    /// - Parameter path: See ``path(dataDirectory:)``.
    /// - Returns: Empty when there is no file.
    /// - Throws: When it cannot be read, with the line.
    package static func load(_ path: String) throws(SmallFileError) -> [StandbySlot] {
        guard SmallFile.exists(path) else { return [] }
        var slots: [StandbySlot] = []
        let text = try SmallFile.read(path, octetsMax: octetsMax).text
        for (index, line) in text.split(separator: "\n").enumerated() {
            let isGivenUp = line.hasPrefix(givenUp)
            let parts = line.dropFirst(isGivenUp ? givenUp.utf8.count : 0)
                .split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3, let sequence = UInt64(parts[0]), let seen = Int64(parts[1])
            else {
                throw SmallFileError(
                    path, line: index + 1, "expected a sequence, a time and a site's name")
            }
            slots.append(
                StandbySlot(
                    site: String(parts[2]), sequence: sequence, lastSeen: seen,
                    isGivenUp: isGivenUp))
        }
        return slots
    }

    /// Puts slots in the place of the old ones, durably.
    ///
    /// - Parameters:
    ///   - slots: All of them.
    ///   - path: See ``path(dataDirectory:)``.
    /// - Throws: When they cannot be written: the old ones are still there.
    package static func save(_ slots: [StandbySlot], _ path: String) throws(SmallFileError) {
        let lines = slots.sorted { $0.site < $1.site }.map {
            ($0.isGivenUp ? givenUp : "")
                + "\($0.sequence) \($0.lastSeen) \($0.site.replacing("\n", with: " "))\n"
        }
        try SmallFile.replace(path, with: lines.joined())
    }
}
