/// What a server's command line adds to its configuration file, as far as the file is judged by it.
///
/// Concurrency: value.
package struct ServerFlags: Hashable, Sendable {
    /// The file of users, in place of the configuration file's; nil: none is given.
    package var usersFile: String?
    /// Whether they make the server one of several sites.
    package var hasSites: Bool
    /// Whether it is known what they are: otherwise nothing that they may add is missed.
    package var areKnown: Bool

    /// Flags; without arguments, none.
    package init(usersFile: String? = nil, hasSites: Bool = false, areKnown: Bool = true) {
        self.usersFile = usersFile
        self.hasSites = hasSites
        self.areKnown = areKnown
    }

    /// Those of a server whose file another command reads.
    package static let unknown = ServerFlags(areKnown: false)
}
