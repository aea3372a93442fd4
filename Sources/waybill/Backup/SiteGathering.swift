import Backup
import ConfigurationFile
import Delivery
import Glibc
import HTTPAPI
import Reception
import Replication

/// Collects the configuration and the files that it names, for a backup.
enum SiteGathering {
    /// Reads the files. The key that the backup is encrypted with is not among them, not even by name:
    /// it must be kept elsewhere.
    ///
    /// - Parameters:
    ///   - configuration: In force.
    ///   - file: Where it was read from; nil: only what is in force is kept.
    ///   - withSecrets: Whether the contents of secret files are kept: only when the backup is
    ///     encrypted.
    /// - Returns: The files, those that hold secrets perhaps by name only.
    static func files(
        _ configuration: WaybillConfiguration, file: String?, withSecrets: Bool
    ) -> SiteFiles {
        var named = Named(withSecrets: withSecrets)
        named.files.append(
            SiteFiles.File(
                role: "configuration in force", path: "effective.yaml",
                contents: Array(configuration.effectiveText.utf8)))
        named.add("configuration", file)
        named.addSecret("users", configuration.reception.usersFile)
        named.addSecret("keys of the HTTP API", configuration.http?.keysFile)
        for listener in configuration.reception.listeners {
            named.add("certificate", listener.tls?.certificateChainFile)
            named.addSecret("certificate's key", listener.tls?.privateKeyFile)
        }
        named.add("certificate", configuration.http?.tls?.certificateChainFile)
        named.addSecret("certificate's key", configuration.http?.tls?.privateKeyFile)
        named.add("trusted roots", configuration.delivery.trustRootsFile)
        for path in configuration.passwordFiles { named.addSecret("password of a route", path) }
        if let replication = configuration.replication { named.add(replication) }
        named.addSecret("credentials of the backup", configuration.backup?.credentialsFile)
        named.add("trusted roots of the backup", configuration.backup?.trustedRootsFile)
        return SiteFiles(files: named.files)
    }

    /// The files so far, each once.
    ///
    /// Concurrency: value.
    private struct Named {
        let withSecrets: Bool
        var files: [SiteFiles.File] = []

        mutating func add(_ role: String, _ path: String?) { add(role, path, reads: true) }

        mutating func addSecret(_ role: String, _ path: String?) {
            // Certificate and key may stand in one file.
            if !withSecrets, let place = files.firstIndex(where: { $0.path == path }) {
                files[place].contents = nil
            }
            add(role, path, reads: withSecrets)
        }

        mutating func add(_ replication: ReplicationSettings) {
            add("certificate for other sites", replication.tls.certificateFile)
            addSecret("key of the certificate for other sites", replication.tls.keyFile)
            add("authority of the sites", replication.tls.authorityFile)
            guard let lease = replication.lease else { return }
            add("certificate for etcd", lease.certificateFile)
            addSecret("key of the certificate for etcd", lease.keyFile)
            add("authority of etcd", lease.authorityFile)
            addSecret("password for etcd", lease.passwordFile)
        }

        private mutating func add(_ role: String, _ path: String?, reads: Bool) {
            guard let path, !path.isEmpty, !files.contains(where: { $0.path == path }) else {
                return
            }
            let text = !reads ? nil : try? TextFile.read(path)
            files.append(
                SiteFiles.File(
                    role: role, path: path,
                    contents: text.flatMap {
                        $0.utf8.count <= BackupLimits.siteFileOctets ? Array($0.utf8) : nil
                    }))
        }
    }

    /// Writes the files of a backup into a directory, under the last part of their paths.
    ///
    /// - Returns: One line for each, for people.
    static func write(_ site: SiteFiles, to directory: String) throws -> [String] {
        guard unsafe mkdir(directory, 0o700) == 0 || errno == EEXIST else {
            throw FileProblem(
                description: "cannot create \(directory): \(FileProblem.ofErrno().description)")
        }
        var lines: [String] = []
        var names: Set<String> = []
        for file in site.files {
            guard let contents = file.contents else {
                lines.append("\(file.role): \(file.path) (only its name is in the backup)")
                continue
            }
            var name = String(file.path.split(separator: "/").last ?? "file")
            if name == ".." || name == "." { name = "file" }
            while names.contains(name) { name += ".2" }
            names.insert(name)
            try PrivateFile.write(contents, to: directory + "/" + name)
            lines.append("\(file.role): \(file.path), now \(directory)/\(name)")
        }
        return lines
    }
}

/// Files for the owner's eyes only.
enum PrivateFile {
    /// Makes a file, in place of what is there.
    static func write(_ bytes: [UInt8], to path: String) throws(FileProblem) {
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .ofErrno() }
        defer { close(descriptor) }
        var from = 0
        while from < bytes.count {
            let wrote = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(
                    descriptor, $0.baseAddress.map { unsafe $0 + from }, $0.count - from)
            }
            guard wrote > 0 else { throw .ofErrno() }
            from += wrote
        }
        guard fsync(descriptor) == 0 else { throw .ofErrno() }
    }
}
