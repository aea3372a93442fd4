import SmallFiles
import Synchronization

/// The keys that are good now; replaced as a whole when the file is read again.
///
/// Concurrency: any thread; the table stands behind a lock.
final class APIKeyDirectory: Sendable {
    private let path: String?
    /// Whether others than the file's owner could read it when it was first read.
    let isReadableByOthers: Bool
    private let keys: Mutex<[String: APIKey]>

    /// Reads the file; without one there is no key.
    init(path: String?) throws(SmallFileError) {
        self.path = path
        let file = try path.map { path throws(SmallFileError) in try APIKeyFile.load(path) }
        isReadableByOthers = file?.isReadableByOthers ?? false
        keys = Mutex(file.map(Self.table) ?? [:])
    }

    /// The key whose token this is; nil for none.
    func key(token: String) -> APIKey? {
        guard let id = APIKey.id(inToken: token), let key = keys.withLock({ $0[id] }),
            key.matches(token: token)
        else { return nil }
        return key
    }

    /// Reads the file again; when it cannot be used the keys stay as they were.
    func reload() throws(SmallFileError) {
        guard let path else { return }
        let fresh = Self.table(try APIKeyFile.load(path))
        keys.withLock { $0 = fresh }
    }

    private static func table(_ file: APIKeyFile) -> [String: APIKey] {
        Dictionary(file.keys.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
    }
}
