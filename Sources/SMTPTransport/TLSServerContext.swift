import NIOCore
import NIOSSL
import Synchronization

/// A listener's certificate and key, which can be replaced while sessions run.
///
/// TLS 1.2 at least (RFC 8996 forbids older ones). A session keeps what it began with; one that
/// begins after ``reload()`` gets the new certificate.
///
/// Concurrency: any thread; the current context stands behind a lock.
package final class TLSServerContext: Sendable {
    /// File with the certificate chain in PEM, the server's own certificate first.
    package let certificateChainFile: String
    /// File with the private key in PEM.
    package let privateKeyFile: String

    private let current: Mutex<NIOSSLContext>

    /// Loads certificate and key.
    ///
    /// - Throws: ``TransportError/Code/certificate`` naming the file that cannot be used.
    package init(certificateChainFile: String, privateKeyFile: String) throws(TransportError) {
        self.certificateChainFile = certificateChainFile
        self.privateKeyFile = privateKeyFile
        current = Mutex(
            try Self.load(certificateChainFile: certificateChainFile, keyFile: privateKeyFile))
    }

    /// Reads the files again; sessions that begin TLS from now on use what they hold.
    ///
    /// - Throws: ``TransportError/Code/certificate``; the certificate used so far stays in use.
    package func reload() throws(TransportError) {
        let fresh = try Self.load(
            certificateChainFile: certificateChainFile, keyFile: privateKeyFile)
        current.withLock { $0 = fresh }
    }

    func makeHandler() -> NIOSSLServerHandler {
        NIOSSLServerHandler(context: current.withLock { $0 })
    }

    private static func load(
        certificateChainFile: String, keyFile: String
    ) throws(TransportError) -> NIOSSLContext {
        let chain: [NIOSSLCertificate]
        do {
            chain = try NIOSSLCertificate.fromPEMFile(certificateChainFile)
        } catch {
            throw unusable("certificate chain", certificateChainFile, error)
        }
        guard !chain.isEmpty else {
            throw unusable("certificate chain", certificateChainFile, "no certificate in it")
        }
        let key: NIOSSLPrivateKey
        do {
            key = try NIOSSLPrivateKey(file: keyFile, format: .pem)
        } catch {
            throw unusable("private key", keyFile, error)
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        configuration.certificateVerification = .none
        configuration.shutdownTimeout = .seconds(TransportLimits.tlsShutdownSeconds)
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw TransportError(
                .certificate,
                "certificate \(certificateChainFile) and key \(keyFile) do not work: \(error)",
                hint: "the key must belong to the first certificate of the chain")
        }
    }

    private static func unusable(
        _ what: String, _ file: String, _ cause: some CustomStringConvertible
    ) -> TransportError {
        TransportError(
            .certificate, "cannot use \(what) file \(file): \(cause)",
            hint: "expected a readable PEM file")
    }

    private static func unusable(
        _ what: String, _ file: String, _ cause: any Error
    )
        -> TransportError
    {
        unusable(what, file, "\(cause)")
    }
}
