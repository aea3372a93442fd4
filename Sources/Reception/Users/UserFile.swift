package import SmallFiles

/// The file of users: one line a user, see ``User``. Lines that are empty or begin with `#` are
/// comments and survive a rewrite.
///
/// Concurrency: value; ``load(_:)`` and ``save()`` do blocking file input and output. Two programs
/// that change it at the same time: the last one wins, and the file is whole in any case.
package struct UserFile: Sendable {
    private enum Line: Sendable {
        case comment(String)
        case user(User)
    }

    /// Octets; more is not a file of users, and is refused.
    private static let octetsMax: Int64 = 256 << 20

    /// Where it stands.
    package let path: String
    /// Whether others than the owner can read it: the hashes then invite guessing.
    package private(set) var isReadableByOthers = false
    private var lines: [Line] = []

    /// A file without users, not written yet.
    package init(path: String) { self.path = path }

    /// Reads the file; every line of it must be right.
    ///
    /// Throws the error with file and line of the first one that is not.
    package static func load(_ path: String) throws(SmallFileError) -> UserFile {
        let (text, isReadableByOthers) = try SmallFile.read(path, octetsMax: octetsMax)
        var file = UserFile(path: path)
        file.isReadableByOthers = isReadableByOthers
        var names: Set<String> = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
            .enumerated()
        {
            let bare = line.drop { $0 == " " || $0 == "\t" }
            guard !bare.isEmpty, !bare.hasPrefix("#") else {
                file.lines.append(.comment(String(line)))
                continue
            }
            switch User.parse(String(line)) {
            case .success(let user):
                guard names.insert(user.name).inserted else {
                    throw SmallFileError(
                        path, line: index + 1, "user \(user.name) stands there twice")
                }
                file.lines.append(.user(user))
            case .failure(let problem):
                throw SmallFileError(path, line: index + 1, "expected \(problem.expected)")
            }
        }
        if case .comment("")? = file.lines.last { file.lines.removeLast() }
        return file
    }

    /// The users, in the file's order.
    package var users: [User] {
        lines.compactMap { line in
            if case .user(let user) = line { user } else { nil }
        }
    }

    /// Puts a user in, in the place of one with the same name.
    package mutating func put(_ user: User) {
        if let index = index(of: user.name) {
            lines[index] = .user(user)
        } else {
            lines.append(.user(user))
        }
    }

    /// Takes a user out; false when there is none of that name.
    package mutating func remove(name: String) -> Bool {
        guard let index = index(of: name) else { return false }
        lines.remove(at: index)
        return true
    }

    /// Writes the file anew beside the old one, for the owner alone (mode 0600), and puts it in
    /// the old one's place: at every moment there is a whole one.
    package func save() throws(SmallFileError) {
        var text = ""
        for line in lines {
            switch line {
            case .comment(let comment): text += comment + "\n"
            case .user(let user): text += user.description + "\n"
            }
        }
        try SmallFile.replace(path, with: text)
    }

    private func index(of name: String) -> Int? {
        lines.firstIndex { line in
            if case .user(let user) = line { user.name == name } else { false }
        }
    }
}
