import NIOSSL

/// Mutual TLS between sites: each shows a certificate that the same authority has signed.
///
/// The authority is the sites' own, so a certificate is proof enough, whatever host it names.
///
/// Concurrency: value.
package struct ReplicationTLS: Hashable, Sendable {
    /// PEM, the site's own certificate first.
    package var certificateFile: String
    /// PEM.
    package var keyFile: String
    /// PEM: who may have signed the other sites' certificates.
    package var authorityFile: String

    /// Creates the three.
    package init(certificateFile: String, keyFile: String, authorityFile: String) {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        self.authorityFile = authorityFile
    }

    /// Reads the three files, as a start does.
    ///
    /// - Throws: `certificate` with the file that cannot be used.
    package func check() throws(ReplicationError) { _ = try clientContext() }

    /// For the end that is dialled.
    func serverContext() throws(ReplicationError) -> NIOSSLContext {
        let (chain, key, authority) = try files()
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv13
        configuration.certificateVerification = .noHostnameVerification
        configuration.trustRoots = .certificates(authority)
        return try context(configuration)
    }

    /// For the end that dials.
    func clientContext() throws(ReplicationError) -> NIOSSLContext {
        let (chain, key, authority) = try files()
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateChain = chain.map { .certificate($0) }
        configuration.privateKey = .privateKey(key)
        configuration.minimumTLSVersion = .tlsv13
        configuration.certificateVerification = .noHostnameVerification
        configuration.trustRoots = .certificates(authority)
        return try context(configuration)
    }

    private func context(
        _ configuration: TLSConfiguration
    ) throws(ReplicationError) -> NIOSSLContext {
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw ReplicationError(
                .certificate,
                "certificate \(certificateFile) and key \(keyFile) do not work: \(error)",
                hint: "The key must belong to the first certificate of the file.")
        }
    }

    private func files() throws(ReplicationError) -> (
        [NIOSSLCertificate], NIOSSLPrivateKey, [NIOSSLCertificate]
    ) {
        let chain = try certificates(certificateFile)
        let authority = try certificates(authorityFile)
        do {
            return (chain, try NIOSSLPrivateKey(file: keyFile, format: .pem), authority)
        } catch {
            throw unusable(keyFile, error)
        }
    }

    private func certificates(
        _ file: String
    ) throws(ReplicationError) -> [NIOSSLCertificate] {
        let read: [NIOSSLCertificate]
        do {
            read = try NIOSSLCertificate.fromPEMFile(file)
        } catch {
            throw unusable(file, error)
        }
        guard !read.isEmpty else {
            throw ReplicationError(.certificate, "no certificate in \(file)")
        }
        return read
    }

    private func unusable(_ file: String, _ error: any Error) -> ReplicationError {
        ReplicationError(
            .certificate, "cannot use \(file): \(error)", hint: "Expected a readable PEM file.")
    }
}
