package import SmallFiles

/// The file of users: one line a user, see ``User``, and comments as ``EntryFile`` has them.
///
/// Concurrency: value; ``load(_:)`` and ``save()`` do blocking file input and output.
package struct UserFile: Sendable {
    /// Octets; more is not a file of users, and is refused.
    private static let octetsMax: Int64 = 256 << 20

    private var file: EntryFile<User>

    /// A file without users, not written yet.
    package init(path: String) { file = EntryFile(path: path) }

    /// Reads the file; every line of it must be right.
    ///
    /// Throws the error with file and line of the first one that is not.
    package static func load(_ path: String) throws(SmallFileError) -> UserFile {
        var names: Set<String> = []
        var users = UserFile(path: path)
        users.file = try EntryFile.load(path, octetsMax: octetsMax) { line in
            switch User.parse(line) {
            case .success(let user):
                names.insert(user.preparedName).inserted
                    ? .success(user) : .failure(.init("user \(user.name) stands there twice"))
            case .failure(let problem): .failure(.init("expected \(problem.expected)"))
            }
        }
        return users
    }

    /// Where it stands.
    package var path: String { file.path }

    /// Whether others than the owner can read it: the hashes then invite guessing.
    package var isReadableByOthers: Bool { file.isReadableByOthers }

    /// The users, in the file's order.
    package var users: [User] { file.entries }

    /// Puts a user in, in the place of one with the same name.
    package mutating func put(_ user: User) {
        file.put(user) { $0.preparedName == user.preparedName }
    }

    /// Takes a user out; false when there is none of that name.
    package mutating func remove(name: String) -> Bool {
        !file.remove { $0.preparedName == User.prepared(name) }.isEmpty
    }

    /// Writes it, as ``EntryFile/save()`` does.
    package func save() throws(SmallFileError) { try file.save() }
}
