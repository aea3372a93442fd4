import Backup
import ConfigurationFile
import Delivery
import Glibc
import HTTPAPI
import Reception

/// Collects the configuration and the files that it names, for a backup.
enum SiteGathering {
    /// Reads the files.
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
        var files: [SiteFiles.File] = []
        func add(_ role: String, _ path: String?, secret: Bool) {
            guard let path, !path.isEmpty, !files.contains(where: { $0.path == path }) else {
                return
            }
            let text = secret && !withSecrets ? nil : try? TextFile.read(path)
            files.append(
                SiteFiles.File(
                    role: role, path: path,
                    contents: text.flatMap {
                        $0.utf8.count <= BackupLimits.siteFileOctets ? Array($0.utf8) : nil
                    }))
        }
        files.append(
            SiteFiles.File(
                role: "configuration in force", path: "effective.yaml",
                contents: Array(configuration.effectiveText.utf8)))
        add("configuration", file, secret: false)
        add("users", configuration.reception.usersFile, secret: true)
        add("keys of the HTTP API", configuration.http?.keysFile, secret: true)
        for listener in configuration.reception.listeners {
            add("certificate", listener.tls?.certificateChainFile, secret: false)
            add("certificate's key", listener.tls?.privateKeyFile, secret: true)
        }
        add("certificate", configuration.http?.tls?.certificateChainFile, secret: false)
        add("certificate's key", configuration.http?.tls?.privateKeyFile, secret: true)
        add("trusted roots", configuration.delivery.trustRootsFile, secret: false)
        return SiteFiles(files: files)
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
