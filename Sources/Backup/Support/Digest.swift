internal import CCrypto

/// SHA-256, piece by piece.
///
/// Concurrency: bound to its owner.
@safe struct Digest: ~Copyable {
    static let octets = 32

    private let context: OpaquePointer

    init() {
        // Fails only when memory is out or the library has no SHA-256: nothing to go on with.
        guard let context = unsafe EVP_MD_CTX_new(),
            unsafe EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1
        else { preconditionFailure("libcrypto has no SHA-256") }
        unsafe self.context = context
    }

    deinit {
        unsafe EVP_MD_CTX_free(context)
    }

    /// Adds octets.
    func update(_ bytes: some Collection<UInt8>) {
        let done = bytes.withContiguousStorageIfAvailable { buffer in
            unsafe EVP_DigestUpdate(context, buffer.baseAddress, buffer.count)
        }
        if done == nil {
            let copy = Array(bytes)
            unsafe copy.withUnsafeBytes { buffer in
                _ = unsafe EVP_DigestUpdate(context, buffer.baseAddress, buffer.count)
            }
        }
    }

    /// The hash of everything; nothing is added afterwards.
    func finish() -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: Self.octets) { buffer, count in
            let done = unsafe EVP_DigestFinal_ex(context, buffer.baseAddress, nil)
            precondition(done == 1, "libcrypto refused to hash")
            count = Self.octets
        }
    }

    /// The hash of some octets.
    static func of(_ bytes: some Collection<UInt8>) -> [UInt8] {
        let digest = Digest()
        digest.update(bytes)
        return digest.finish()
    }

    /// HMAC-SHA256.
    static func authentication(key: [UInt8], _ bytes: [UInt8]) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: octets) { buffer, count in
            var length: UInt32 = 0
            unsafe key.withUnsafeBytes { key in
                unsafe bytes.withUnsafeBufferPointer { bytes in
                    _ = unsafe HMAC(
                        EVP_sha256(), key.baseAddress, Int32(key.count), bytes.baseAddress,
                        bytes.count, buffer.baseAddress, &length)
                }
            }
            precondition(length == 32, "libcrypto refused to authenticate")
            count = octets
        }
    }
}
