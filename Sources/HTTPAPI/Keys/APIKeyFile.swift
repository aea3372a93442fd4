package import SmallFiles

/// The file of keys: one line a key, see ``APIKey``. Lines that are empty or begin with `#` are
/// comments and survive a rewrite.
///
/// Concurrency: value; ``load(_:)`` and ``save()`` do blocking file input and output. Two programs
/// that change it at the same time: the last one wins, and the file is whole in any case.
package struct APIKeyFile: Sendable {
    private enum Line: Sendable {
        case comment(String)
        case key(APIKey)
    }

    /// Octets; more is not a file of keys, and is refused.
    private static let octetsMax: Int64 = 16 << 20

    /// Where it stands.
    package let path: String
    /// Whether others than the owner can read it.
    package private(set) var isReadableByOthers = false
    private var lines: [Line] = []

    /// A file without keys, not written yet.
    package init(path: String) { self.path = path }

    /// Reads the file; every line of it must be right.
    ///
    /// Throws the error with file and line of the first one that is not.
    package static func load(_ path: String) throws(SmallFileError) -> APIKeyFile {
        let (text, isReadableByOthers) = try SmallFile.read(path, octetsMax: octetsMax)
        var file = APIKeyFile(path: path)
        file.isReadableByOthers = isReadableByOthers
        var ids: Set<String> = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
            .enumerated()
        {
            let bare = line.drop { $0 == " " || $0 == "\t" }
            guard !bare.isEmpty, !bare.hasPrefix("#") else {
                file.lines.append(.comment(String(line)))
                continue
            }
            guard let key = APIKey(String(line)) else {
                throw SmallFileError(
                    path, line: index + 1,
                    "expected id, name, roles, tenant or -, sha256$<hash> and time, as"
                        + " `waybill key add` writes them")
            }
            guard ids.insert(key.id).inserted else {
                throw SmallFileError(path, line: index + 1, "key \(key.id) stands there twice")
            }
            guard ids.count <= APILimits.keys else {
                throw SmallFileError(path, "more than \(APILimits.keys) keys")
            }
            file.lines.append(.key(key))
        }
        if case .comment("")? = file.lines.last { file.lines.removeLast() }
        return file
    }

    /// The keys, in the file's order.
    package var keys: [APIKey] {
        lines.compactMap { line in
            if case .key(let key) = line { key } else { nil }
        }
    }

    /// Puts a key at the end.
    package mutating func add(_ key: APIKey) { lines.append(.key(key)) }

    /// Takes the keys with that id or name out; returns them.
    package mutating func remove(_ idOrName: String) -> [APIKey] {
        let gone = keys.filter { $0.id == idOrName || $0.name == idOrName }
        lines.removeAll { line in
            if case .key(let key) = line { gone.contains(key) } else { false }
        }
        return gone
    }

    /// Writes the file anew beside the old one, for the owner alone (mode 0600), and puts it in
    /// the old one's place: at every moment there is a whole one.
    package func save() throws(SmallFileError) {
        var text = ""
        for line in lines {
            switch line {
            case .comment(let comment): text += comment + "\n"
            case .key(let key): text += key.description + "\n"
            }
        }
        try SmallFile.replace(path, with: text)
    }
}
