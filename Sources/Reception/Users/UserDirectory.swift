import SmallFiles
import Synchronization

/// The users that can authenticate now; replaced as a whole when the file is read again.
///
/// Concurrency: any thread; the table stands behind a lock.
final class UserDirectory: Sendable {
    private let path: String?
    /// Whether others than the file's owner could read it when it was first read.
    let isReadableByOthers: Bool
    private let users: Mutex<[String: User]>

    /// Reads the file; without one there is nobody.
    init(path: String?) throws(SmallFileError) {
        self.path = path
        let file = try path.map { path throws(SmallFileError) in try UserFile.load(path) }
        isReadableByOthers = file?.isReadableByOthers ?? false
        users = Mutex(file.map(Self.table) ?? [:])
    }

    /// The user of that name, which is prepared (``SASLprep``).
    func user(named name: String) -> User? { users.withLock { $0[name] } }

    /// Reads the file again; when it cannot be used the users stay as they were.
    func reload() throws(SmallFileError) {
        guard let path else { return }
        let fresh = Self.table(try UserFile.load(path))
        users.withLock { $0 = fresh }
    }

    private static func table(_ file: UserFile) -> [String: User] {
        Dictionary(file.users.map { ($0.preparedName, $0) }, uniquingKeysWith: { $1 })
    }
}
