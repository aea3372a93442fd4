/// A self-signed certificate for localhost, made with the `openssl` program.
///
/// Concurrency: value; making one blocks for some milliseconds.
package struct TestCertificate: Sendable {
    /// PEM file with the certificate; good as trust roots too.
    package let certificateFile: String
    /// PEM file with the key.
    package let keyFile: String

    /// Makes a certificate with its key in `directory`, over any that is there under that name.
    package static func make(in directory: String, name: String = "localhost") throws -> Self {
        let certificate = Self(
            certificateFile: "\(directory)/\(name).crt", keyFile: "\(directory)/\(name).key")
        let status = try Program.run([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
            "subjectAltName=DNS:localhost", "-keyout", certificate.keyFile, "-out",
            certificate.certificateFile,
        ])
        guard status == 0 else { throw TestCertificateError(status: status) }
        return certificate
    }
}

/// The `openssl` program is not there, or failed.
package struct TestCertificateError: Error {
    package var status: Int32
}
