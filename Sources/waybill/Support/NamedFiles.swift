import ConfigurationFile
import Delivery
import HTTPAPI
import Reception
import Replication
import Resolver
import SMTPTransport

/// Reads the files that a configuration names, as a server does when it starts.
///
/// Concurrency: used by one thread; input blocks.
struct NamedFiles {
    /// One that cannot be used.
    ///
    /// Concurrency: value.
    struct Finding: Hashable, Sendable, CustomStringConvertible {
        /// The key that names it, the file, and what is wrong with it.
        var text: String
        /// Whether a server does not start for it, or takes no mail; it goes on without otherwise.
        var preventsStart: Bool

        var description: String { preventsStart ? text : "warning: \(text)" }
    }

    private var findings: [Finding] = []

    /// What cannot be used of them; empty when all of it can.
    static func findings(in configuration: WaybillConfiguration) -> [Finding] {
        var files = NamedFiles()
        files.readReception(configuration)
        files.readHTTP(configuration)
        files.readDelivery(configuration)
        if let replication = configuration.replication { files.read(replication) }
        if let backup = configuration.backup { files.read(backup) }
        return files.findings
    }

    private mutating func look(
        _ key: String, preventsStart: Bool = true, _ read: () throws -> Void
    ) {
        do {
            try read()
        } catch {
            findings.append(Finding(text: "\(key): \(error)", preventsStart: preventsStart))
        }
    }

    /// A file that is only read to be handed on; an empty name: there is none.
    private mutating func lookWhetherReadable(
        _ key: String, _ path: String, preventsStart: Bool = true
    ) {
        guard !path.isEmpty else { return }
        look(key, preventsStart: preventsStart) {
            do {
                _ = try TextFile.read(path)
            } catch {
                throw FileProblem(description: "\(path) cannot be read: \(error)")
            }
        }
    }

    private mutating func readReception(_ configuration: WaybillConfiguration) {
        let reception = configuration.reception
        if let path = reception.usersFile { look("users") { _ = try UserFile.load(path) } }
        var seen: Set<TLSFiles> = []
        for listener in reception.listeners {
            guard let files = listener.tls, seen.insert(files).inserted else { continue }
            look("certificate of listener \(listener.name)") {
                _ = try TLSServerContext(
                    certificateChainFile: files.certificateChainFile,
                    privateKeyFile: files.privateKeyFile)
            }
        }
    }

    private mutating func readHTTP(_ configuration: WaybillConfiguration) {
        guard let http = configuration.http else { return }
        if let path = http.keysFile { look("server.http.keys") { _ = try APIKeyFile.load(path) } }
        guard let files = http.tls else { return }
        look("certificate of server.http") {
            _ = try TLSServerContext(
                certificateChainFile: files.certificateChainFile,
                privateKeyFile: files.privateKeyFile)
        }
    }

    private mutating func readDelivery(_ configuration: WaybillConfiguration) {
        guard configuration.server.delivers else { return }
        if let path = configuration.delivery.trustRootsFile {
            look("delivery.trusted_roots") {
                _ = try TLSClientContext(verification: .full, trustRootsFile: path)
            }
        }
        lookWhetherReadable(
            "resolver.trust_anchor_file", configuration.resolver.trustAnchorFile)
    }

    private mutating func read(_ replication: ReplicationSettings) {
        look("replication") { try replication.tls.check() }
        guard let lease = replication.lease else { return }
        // Without them etcd does not answer, and without the lease nothing is accepted.
        lookWhetherReadable("replication.lease.authority", lease.authorityFile)
        lookWhetherReadable("replication.lease.certificate", lease.certificateFile)
        lookWhetherReadable("replication.lease.key", lease.keyFile)
        lookWhetherReadable("replication.lease.password_file", lease.passwordFile)
    }

    private mutating func read(_ backup: BackupSettings) {
        lookWhetherReadable("backup.key", backup.keyFile, preventsStart: false)
        lookWhetherReadable("backup.credentials", backup.credentialsFile, preventsStart: false)
        lookWhetherReadable("backup.trusted_roots", backup.trustedRootsFile, preventsStart: false)
    }
}
