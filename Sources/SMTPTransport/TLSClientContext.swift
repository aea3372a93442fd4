import NIOCore
import NIOSSL

/// How a client proves to itself whom it talks to.
package enum TLSVerification: Hashable, Sendable {
    /// Any certificate will do: opportunistic TLS, which protects against listening only
    /// (RFC 7435).
    case none
    /// The chain leads to a trusted root and names the host (RFC 6125), or, as NIOSSL has it, the
    /// IP address that was dialled.
    case full
}

/// What a dialer's connections use for TLS; made once, shared by all of them.
///
/// Concurrency: any thread; immutable.
package final class TLSClientContext: Sendable {
    /// What is checked.
    package let verification: TLSVerification
    /// Where the trusted roots were read from; nil: they are the system's.
    package let trustRootsFile: String?
    /// The certificates of that file; nil where they cannot be told.
    private let roots: [NIOSSLCertificate]?
    private let context: NIOSSLContext

    /// Creates a context.
    ///
    /// - Parameters:
    ///   - verification: What to check of the server's certificate.
    ///   - trustRootsFile: PEM file of trusted roots; nil for the system's.
    /// - Throws: ``TransportError/Code/certificate`` when the roots cannot be read.
    package init(
        verification: TLSVerification, trustRootsFile: String? = nil
    ) throws(TransportError) {
        self.verification = verification
        self.trustRootsFile = trustRootsFile
        // Before the context: roots that are replaced meanwhile are then read once too often, not
        // once too seldom.
        roots = trustRootsFile.flatMap { try? NIOSSLCertificate.fromPEMFile($0) }
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.certificateVerification =
            verification == .full ? .fullVerification : .none
        configuration.shutdownTimeout = .seconds(TransportLimits.tlsShutdownSeconds)
        if let trustRootsFile { configuration.trustRoots = .file(trustRootsFile) }
        do {
            context = try NIOSSLContext(configuration: configuration)
        } catch {
            throw TransportError(
                .certificate, "cannot set up TLS for outgoing connections: \(error)",
                hint: trustRootsFile.map { "expected PEM certificates in \($0)" } ?? "")
        }
    }

    /// Whether both trust the same roots, whatever the files are called. Of the system's this is taken
    /// for granted.
    package func trusts(like other: TLSClientContext) -> Bool {
        guard trustRootsFile != nil || other.trustRootsFile != nil else { return true }
        guard let roots, let others = other.roots else { return false }
        return roots == others
    }

    /// The hostname is for SNI and verification; an address or an empty name sends no SNI
    /// (RFC 6066 section 3 allows names only) and is verified as an address.
    func makeHandler(hostname: String) throws(TransportError) -> NIOSSLClientHandler {
        let name = hostname.hasSuffix(".") ? String(hostname.dropLast()) : hostname
        let isAddress = (try? SocketAddress(ipAddress: name, port: 0)) != nil
        do {
            return try NIOSSLClientHandler(
                context: context, serverHostname: isAddress || name.isEmpty ? nil : name)
        } catch {
            throw TransportError(.tls, "cannot start TLS towards \(name): \(error)")
        }
    }
}
