import ArgumentParser
import Backup
import ConfigurationFile
import EventLog

/// Which archive a command speaks of: from a configuration file, from flags, or from both.
struct BackupOptions: ParsableArguments {
    @Option(help: "Configuration file; its section `backup` says where the archive is.")
    var config: String?

    @Option(help: "The archive: a directory, or s3://BUCKET/PREFIX. Default: backup.to.")
    var archive: String?

    @Option(help: "Object storage, https://HOST[:PORT]. Default: backup.endpoint, or AWS's.")
    var endpoint: String?

    @Option(help: "Region of the object storage.")
    var region: String?

    @Option(
        help: """
            File with aws_access_key_id and aws_secret_access_key. Default: backup.credentials, or \
            AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
            """)
    var credentials: String?

    @Option(help: "File of the key that the backup is encrypted with: 64 hexadecimal digits.")
    var key: String?

    @Option(help: "Id of the log, 32 hexadecimal digits, where the archive holds several.")
    var log: String?

    func validate() throws {
        if let archive, let problem = BackupSettings.problem(destination: archive) {
            throw ValidationError("--archive \(archive): \(problem)")
        }
        if let log, Hex.bytes(log)?.count != 16 {
            throw ValidationError("--log: expected 32 hexadecimal digits")
        }
    }

    /// The configuration file's settings, with the flags over them.
    func settings() throws -> (settings: BackupSettings, configuration: WaybillConfiguration?) {
        let configuration = try config.map { try loadConfiguration(file: $0, flags: .unknown) }
        guard
            var settings = archive.map({ path in
                var settings = configuration?.backup ?? BackupSettings(destination: path)
                settings.destination = path
                return settings
            }) ?? configuration?.backup
        else {
            throw ValidationError(
                "say which archive: --archive DIR or s3://..., or --config with a section backup")
        }
        if let endpoint { settings.endpoint = endpoint }
        if let region { settings.region = region }
        if let credentials { settings.credentialsFile = credentials }
        if let key { settings.keyFile = key }
        return (settings, configuration)
    }

    /// The archive of one log.
    ///
    /// - Parameters:
    ///   - logID: Of the data directory that the command has; nil: the only one there is.
    ///   - creates: Whether a directory that is missing is made.
    /// - Returns: The archive.
    /// - Throws: When there is none, or more than one and none is named; ``ArchiveError``.
    func openArchive(logID: [UInt8]?, creates: Bool = false) throws -> Archive {
        let place = try BackupPlace(settings().settings, creates: creates)
        return Archive(
            store: place.store, logID: try chosen(logID, in: place.store), key: place.key)
    }

    private func chosen(_ logID: [UInt8]?, in store: any ArchiveStore) throws -> [UInt8] {
        if let asked = log.flatMap({ Hex.bytes($0) }) { return asked }
        if let logID { return logID }
        let there = try Archive.logs(in: store)
        guard let first = there.first else {
            throw ArchiveError(.notFound, "there is no archive of any log", object: store.place)
        }
        guard there.count == 1 else {
            throw ArchiveError(
                .notFound,
                "the archive holds the logs " + there.map { Hex.text($0) }.joined(separator: ", "),
                object: store.place, hint: "Say which one: --log ID.")
        }
        return first
    }
}

/// Runs `body`; an error of an archive or of a log becomes a line and an exit code.
func archiving(_ body: () throws -> Void) throws {
    do {
        try reading(body)
    } catch let error as ArchiveError {
        complain("waybill: \(error)")
        throw switch error.code {
        case .damaged, .duplicate, .diverged, .fenced, .notFound: Exit.found
        case .wrongKey: Exit.configuration
        case .unsupported: Exit.unavailable
        case .inaccessible: Exit.temporary
        }
    } catch let error as FileProblem {
        complain("waybill: \(error)")
        throw Exit.unavailable
    }
}
