import Foundation
import SMTPTransport

/// A certificate for mx.example.org, signed by itself, valid until 2126. Its key protects nothing.
enum TestCertificate {
    /// For servers; the files stand beside `path` only while they are read.
    static func context(at path: String) throws -> TLSServerContext {
        let chainFile = path + "-chain.pem"
        let keyFile = path + "-key.pem"
        try Data(chain.utf8).write(to: URL(fileURLWithPath: chainFile))
        try Data(key.utf8).write(to: URL(fileURLWithPath: keyFile))
        defer {
            try? FileManager.default.removeItem(atPath: chainFile)
            try? FileManager.default.removeItem(atPath: keyFile)
        }
        return try TLSServerContext(certificateChainFile: chainFile, privateKeyFile: keyFile)
    }

    /// Writes the certificate, as a file of roots.
    static func writeRoots(to file: String) throws {
        try Data(chain.utf8).write(to: URL(fileURLWithPath: file))
    }

    /// Writes a certificate that has nothing to do with it, as a file of roots.
    static func writeOtherRoots(to file: String) throws {
        try Data(other.utf8).write(to: URL(fileURLWithPath: file))
    }

    static let chain = """
        -----BEGIN CERTIFICATE-----
        MIIBpTCCAUqgAwIBAgIUBLR7Sg3JEjAdiItBfUB/kwawv1gwCgYIKoZIzj0EAwIw
        GTEXMBUGA1UEAwwObXguZXhhbXBsZS5vcmcwIBcNMjYxMTIxMTA0ODE3WhgPMjEy
        NjEwMjgxMDQ4MTdaMBkxFzAVBgNVBAMMDm14LmV4YW1wbGUub3JnMFkwEwYHKoZI
        zj0CAQYIKoZIzj0DAQcDQgAENyt6xBEHbKcQSZ2BmHeCfc8nsvzWVGwcEfQS4At+
        rUCnbElxAUbjHZtfSt0zTkQ6ZOTvBKAlUZCsoWr5Du9yN6NuMGwwHQYDVR0OBBYE
        FAVJ5g5pnlTNyzRArxeCBAhw4AokMB8GA1UdIwQYMBaAFAVJ5g5pnlTNyzRArxeC
        BAhw4AokMA8GA1UdEwEB/wQFMAMBAf8wGQYDVR0RBBIwEIIObXguZXhhbXBsZS5v
        cmcwCgYIKoZIzj0EAwIDSQAwRgIhAO1hUX7qdwx6u5kiUk5s4UtFVqBKv7M9/V7I
        bUCG+By5AiEA/bCKUEa6CoNYdSTK3J3Lk+2Eh5FHTG/e1I2xQxc/qxA=
        -----END CERTIFICATE-----

        """

    private static let other = """
        -----BEGIN CERTIFICATE-----
        MIIBkjCCATmgAwIBAgIUVgu8FHsJJtKl5xnfJUkSALBaKzAwCgYIKoZIzj0EAwIw
        HjEcMBoGA1UEAwwTYW5vdGhlci5leGFtcGxlLm9yZzAgFw0yNjExMjMwMTQ4MDFa
        GA8yMTI2MTAzMDAxNDgwMVowHjEcMBoGA1UEAwwTYW5vdGhlci5leGFtcGxlLm9y
        ZzBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABObVB7RMduMl2qzO6xzcQJSQq0wR
        lRCLtZynE5+ofAEK/om0TYX7RST6y7JRPu7Sqe4JRtWGZ/KofhkqxhdGYUajUzBR
        MB0GA1UdDgQWBBQKt2ONEXW1MS5z+8rk7DQ+oMvalTAfBgNVHSMEGDAWgBQKt2ON
        EXW1MS5z+8rk7DQ+oMvalTAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cA
        MEQCIETuBc7bW3uBvJKQFxGCO6qbnkzy77REoNBpHSELA+MSAiAxa9Y+lGov8Rxs
        4HxO6dr1GrIXcADJO4AeDeWesfm73g==
        -----END CERTIFICATE-----

        """

    static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgUUyCgQ7Yu7wmwSz+
        ZTXinIkVaZ7jsxHhMNDKTWb+MA2hRANCAAQ3K3rEEQdspxBJnYGYd4J9zyey/NZU
        bBwR9BLgC36tQKdsSXEBRuMdm19K3TNORDpk5O8EoCVRkKyhavkO73I3
        -----END PRIVATE KEY-----

        """
}
