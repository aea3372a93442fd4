internal import CCrypto

/// SHA-256 over rows in the order of their keys.
///
/// Concurrency: bound to the function that makes it.
@safe package struct RowDigest: ~Copyable {
    private let context: OpaquePointer?

    /// Creates a digest of nothing yet.
    package init() {
        unsafe context = EVP_MD_CTX_new()
        unsafe EVP_DigestInit_ex(context, EVP_sha256(), nil)
    }

    deinit { unsafe EVP_MD_CTX_free(context) }

    /// Adds one row: both lengths as 8 octets little-endian, then key and value.
    package mutating func add(key: [UInt8], value: [UInt8]) {
        var head = RowWriter(capacity: 16)
        head.write(fixed: UInt64(key.count))
        head.write(fixed: UInt64(value.count))
        update(head.bytes)
        update(key)
        update(value)
    }

    private func update(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { buffer in
            _ = unsafe EVP_DigestUpdate(context, buffer.baseAddress, buffer.count)
        }
    }

    /// The 32 octets; the digest is used up.
    package consuming func finish() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 32)
        unsafe bytes.withUnsafeMutableBytes { buffer in
            _ = unsafe EVP_DigestFinal_ex(
                context, buffer.baseAddress?.assumingMemoryBound(to: UInt8.self), nil)
        }
        return bytes
    }
}
