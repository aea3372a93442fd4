import CCrypto

/// SHA-256 of message contents, with one context used again and again: OpenSSL's one-shot call
/// looks the algorithm up and allocates each time.
///
/// Concurrency: bound to one thread at a time; each event loop has its own.
@safe final class ContentDigest {
    private let context: OpaquePointer
    private let algorithm: OpaquePointer

    /// nil when OpenSSL has no SHA-256 or no memory.
    init?() {
        guard let algorithm = unsafe EVP_MD_fetch(nil, "SHA256", nil) else { return nil }
        guard let context = unsafe EVP_MD_CTX_new() else {
            unsafe EVP_MD_free(algorithm)
            return nil
        }
        unsafe self.algorithm = algorithm
        unsafe self.context = context
    }

    deinit {
        unsafe EVP_MD_CTX_free(context)
        unsafe EVP_MD_free(algorithm)
    }

    /// The 32 octets of the digest.
    func sha256(_ bytes: [UInt8]) -> [UInt8] {
        let context = unsafe context
        let algorithm = unsafe algorithm
        return unsafe [UInt8](unsafeUninitializedCapacity: 32) { digest, count in
            let done = unsafe bytes.withUnsafeBytes { input in
                unsafe EVP_DigestInit_ex2(context, algorithm, nil) == 1
                    && EVP_DigestUpdate(context, input.baseAddress, input.count) == 1
                    && EVP_DigestFinal_ex(context, digest.baseAddress, nil) == 1
            }
            precondition(done, "SHA-256 failed in OpenSSL")
            count = 32
        }
    }
}
