package import SmallFiles

/// The file of keys: one line a key, see ``APIKey``, and comments as ``EntryFile`` has them.
///
/// Concurrency: value; ``load(_:)`` and ``save()`` do blocking file input and output.
package struct APIKeyFile: Sendable {
    /// Octets; more is not a file of keys, and is refused.
    private static let octetsMax: Int64 = 16 << 20

    private var file: EntryFile<APIKey>

    /// A file without keys, not written yet.
    package init(path: String) { file = EntryFile(path: path) }

    /// Reads the file; every line of it must be right.
    ///
    /// Throws the error with file and line of the first one that is not.
    package static func load(_ path: String) throws(SmallFileError) -> APIKeyFile {
        var ids: Set<String> = []
        var keys = APIKeyFile(path: path)
        keys.file = try EntryFile.load(path, octetsMax: octetsMax) { line in
            guard let key = APIKey(line) else {
                return .failure(
                    .init(
                        "expected id, name, roles, tenant or -, sha256$<hash> and time, as"
                            + " `waybill key add` writes them"))
            }
            guard ids.insert(key.id).inserted else {
                return .failure(.init("key \(key.id) stands there twice"))
            }
            guard ids.count <= APILimits.keys else {
                return .failure(.init("more than \(APILimits.keys) keys"))
            }
            return .success(key)
        }
        return keys
    }

    /// Where it stands.
    package var path: String { file.path }

    /// Whether others than the owner can read it.
    package var isReadableByOthers: Bool { file.isReadableByOthers }

    /// The keys, in the file's order.
    package var keys: [APIKey] { file.entries }

    /// Puts a key at the end.
    package mutating func add(_ key: APIKey) { file.append(key) }

    /// Takes the keys with that id or name out; returns them.
    package mutating func remove(_ idOrName: String) -> [APIKey] {
        file.remove { $0.id == idOrName || $0.name == idOrName }
    }

    /// Writes it, as ``EntryFile/save()`` does.
    package func save() throws(SmallFileError) { try file.save() }
}
