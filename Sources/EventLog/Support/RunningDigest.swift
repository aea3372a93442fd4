internal import CCrypto

/// SHA-256 of what comes piece by piece.
///
/// Concurrency: bound to its owner.
@safe package struct RunningDigest: ~Copyable {
    private let context: OpaquePointer

    /// Begins.
    package init() {
        // Fails only when memory is out or the library has no SHA-256: nothing to go on with.
        guard let context = unsafe EVP_MD_CTX_new(),
            unsafe EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1
        else { preconditionFailure("libcrypto has no SHA-256") }
        unsafe self.context = context
    }

    deinit { unsafe EVP_MD_CTX_free(context) }

    /// Takes some octets.
    package mutating func add(_ bytes: [UInt8]) {
        let done = unsafe bytes.withUnsafeBytes { buffer in
            unsafe EVP_DigestUpdate(context, buffer.baseAddress, buffer.count)
        }
        precondition(done == 1, "libcrypto refused to hash")
    }

    /// The 32 octets of the digest; it takes no more afterwards.
    package consuming func finish() -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
            let done = unsafe EVP_DigestFinal_ex(context, buffer.baseAddress, nil)
            precondition(done == 1, "libcrypto refused to hash")
            count = 32
        }
    }
}
