package import SmallFiles

/// What a site remembers of its role, over restarts: `DATA/site`.
///
/// A file of lines, each a name and a value: `role`, `epoch` (the highest that is known to be open
/// somewhere), `follows` (whom a standby follows, HOST:PORT), `instead_of` (what the configuration named when
/// the standby chose that itself), `source` (`primary`: what it follows was one when it was heard last).
///
/// Concurrency: value; loading and saving block.
package struct SiteState: Hashable, Sendable {
    package var role: SiteRole
    /// The highest epoch that is known to be open somewhere.
    package var epoch: UInt32
    /// Whom a standby follows; empty: as configured.
    package var follows: String
    /// What the configuration named when this site chose ``follows`` by itself, or `nothing`; empty: it was
    /// ordered.
    package var insteadOf = ""
    /// Whom it follows was the primary when it was heard last.
    package var followsPrimary = false

    /// Creates a state.
    package init(role: SiteRole, epoch: UInt32 = 0, follows: String = "") {
        self.role = role
        self.epoch = epoch
        self.follows = follows
    }

    private static let octetsMax: Int64 = 4_096

    /// Where it stands in a data directory.
    package static func path(dataDirectory: String) -> String { dataDirectory + "/site" }

    /// Reads the file.
    ///
    /// - Parameter path: See ``path(dataDirectory:)``.
    /// - Returns: nil when there is none: the site has never had a role.
    /// - Throws: When it cannot be read, with the line.
    package static func load(_ path: String) throws(SmallFileError) -> SiteState? {
        guard SmallFile.exists(path) else { return nil }
        let text = try SmallFile.read(path, octetsMax: octetsMax).text
        var values: [Substring: Substring] = [:]
        for (index, line) in text.split(separator: "\n").enumerated() {
            let parts = line.split(separator: " ", maxSplits: 1)
            guard parts.count == 2, values.updateValue(parts[1], forKey: parts[0]) == nil else {
                throw SmallFileError(path, line: index + 1, "expected a name and a value")
            }
        }
        guard let role = values["role"].flatMap({ SiteRole(rawValue: String($0)) }),
            let epoch = values["epoch"].flatMap({ UInt32($0) })
        else {
            throw SmallFileError(path, "expected role (primary, standby, fenced) and epoch")
        }
        var state = SiteState(
            role: role, epoch: epoch, follows: values["follows"].map(String.init) ?? "")
        state.insteadOf = values["instead_of"].map(String.init) ?? ""
        state.followsPrimary = values["source"] == "primary"
        return state
    }

    /// Puts it in the place of the old one, durably.
    ///
    /// - Parameter path: See ``path(dataDirectory:)``.
    /// - Throws: When it cannot be written: the old one is still there.
    package func save(_ path: String) throws(SmallFileError) {
        var text = "role \(role.rawValue)\nepoch \(epoch)\n"
        if !follows.isEmpty { text += "follows \(follows)\n" }
        if !insteadOf.isEmpty { text += "instead_of \(insteadOf)\n" }
        if followsPrimary { text += "source primary\n" }
        try SmallFile.replace(path, with: text)
    }
}
