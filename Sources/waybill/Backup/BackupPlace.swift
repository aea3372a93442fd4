import Backup
import ConfigurationFile
import Glibc

/// Where a backup is: the store and the key that settings describe.
///
/// Concurrency: value.
struct BackupPlace {
    let store: any ArchiveStore
    let key: ArchiveKey?

    /// Reads key and credentials.
    ///
    /// - Parameters:
    ///   - settings: Of the configuration, or of flags.
    ///   - creates: Whether a directory that is missing is made.
    /// - Throws: `wrongKey`, `notFound`, `unsupported`.
    init(_ settings: BackupSettings, creates: Bool) throws(ArchiveError) {
        if settings.keyFile.isEmpty {
            key = nil
        } else {
            key = try ArchiveKey(
                text: Self.text(settings.keyFile, "the key"), file: settings.keyFile)
        }
        guard settings.destination.hasPrefix("s3://") else {
            store = try DirectoryStore(settings.destination, creates: creates)
            return
        }
        let parts = settings.destination.dropFirst(5).split(separator: "/")
        let endpoint =
            settings.endpoint.isEmpty
            ? "https://s3.\(settings.region).amazonaws.com" : settings.endpoint
        store = S3Store(
            S3Store.Settings(
                endpoint: endpoint, region: settings.region,
                bucket: parts.first.map(String.init) ?? "",
                prefix: parts.dropFirst().joined(separator: "/"),
                credentials: try Self.credentials(settings.credentialsFile),
                trustedRoots: settings.trustedRootsFile.isEmpty
                    ? nil : settings.trustedRootsFile))
    }

    private static func text(_ file: String, _ what: String) throws(ArchiveError) -> String {
        do {
            return try TextFile.read(file)
        } catch {
            throw ArchiveError(.notFound, "\(what) cannot be read: \(error)", object: file)
        }
    }

    /// From a file of the form that AWS's own tools read, or from the environment.
    private static func credentials(_ file: String) throws(ArchiveError) -> S3Credentials {
        var values: [String: String] = [:]
        if file.isEmpty {
            for name in ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"] {
                values[name] = unsafe getenv(name.uppercased()).map {
                    unsafe String(cString: $0)
                }
            }
        } else {
            for line in try text(file, "the credentials").split(whereSeparator: \.isNewline) {
                let parts = line.split(separator: "=", maxSplits: 1)
                guard parts.count == 2 else { continue }
                let trim: (Substring) -> String = { $0.filter { !$0.isWhitespace } }
                values[trim(parts[0]).lowercased()] = trim(parts[1])
            }
        }
        guard let id = values["aws_access_key_id"], let secret = values["aws_secret_access_key"],
            !id.isEmpty, !secret.isEmpty
        else {
            throw ArchiveError(
                .notFound, "there are no credentials for the object storage", object: file,
                hint: "Name a file with aws_access_key_id and aws_secret_access_key"
                    + " (backup.credentials), or set AWS_ACCESS_KEY_ID and"
                    + " AWS_SECRET_ACCESS_KEY.")
        }
        let token = values["aws_session_token"].flatMap { $0.isEmpty ? nil : $0 }
        return S3Credentials(accessKeyID: id, secretKey: secret, sessionToken: token)
    }
}
