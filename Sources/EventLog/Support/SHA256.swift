internal import CCrypto

/// SHA-256 with a context that is used again and again.
///
/// Concurrency: bound to its owner; one hash at a time.
@safe struct SHA256: ~Copyable {
    static let octets = 32

    private let context: OpaquePointer
    private let algorithm: OpaquePointer

    init() {
        // Both fail only when memory is out or the library has no SHA-256: nothing to go on with.
        guard let context = unsafe EVP_MD_CTX_new(),
            let algorithm = unsafe EVP_MD_fetch(nil, "SHA256", nil)
        else { preconditionFailure("libcrypto has no SHA-256") }
        unsafe self.context = context
        unsafe self.algorithm = algorithm
    }

    deinit {
        unsafe EVP_MD_CTX_free(context)
        unsafe EVP_MD_free(algorithm)
    }

    /// The hash of two spans, one after the other.
    func hash(_ first: RawSpan, _ second: RawSpan) -> [UInt8] {
        var done = unsafe EVP_DigestInit_ex2(context, algorithm, nil)
        unsafe first.withUnsafeBytes { buffer in
            unsafe done &= EVP_DigestUpdate(context, buffer.baseAddress, buffer.count)
        }
        unsafe second.withUnsafeBytes { buffer in
            unsafe done &= EVP_DigestUpdate(context, buffer.baseAddress, buffer.count)
        }
        let result = unsafe [UInt8](unsafeUninitializedCapacity: Self.octets) { buffer, count in
            unsafe done &= EVP_DigestFinal_ex(context, buffer.baseAddress, nil)
            count = Self.octets
        }
        precondition(done == 1, "libcrypto refused to hash")
        return result
    }

    /// The hash of some bytes.
    func hash(_ bytes: RawSpan) -> [UInt8] {
        hash(bytes, bytes.extracting(first: 0))
    }

    /// The checksum of a stored value: the first 8 octets of the hash of everything but the
    /// checksum itself, which stands at octets 16 to 23.
    func checksum(ofValue value: RawSpan) -> UInt64 {
        hash(value.extracting(first: 16), value.extracting(droppingFirst: 24)).integer(at: 0)
    }
}
