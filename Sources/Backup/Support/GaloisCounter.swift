internal import CCrypto

/// AES-256-GCM of the pieces of one object: the nonce of a piece is its number.
///
/// That is safe because the key is the object's own: ``ArchiveKey/objectKey(salt:)``.
///
/// Concurrency: bound to its owner.
@safe struct GaloisCounter: ~Copyable {
    static let tagOctets = 16

    private let context: OpaquePointer
    private let key: [UInt8]

    init(key: [UInt8]) {
        precondition(key.count == ArchiveKey.octets, "a key has 32 octets")
        guard let context = unsafe EVP_CIPHER_CTX_new() else {
            preconditionFailure("no memory for a cipher context")
        }
        unsafe self.context = context
        self.key = key
    }

    deinit {
        unsafe EVP_CIPHER_CTX_free(context)
    }

    /// The piece encrypted, with its tag behind it.
    ///
    /// - Parameters:
    ///   - plain: What to encrypt.
    ///   - number: Of the piece; never used twice.
    ///   - associated: Authenticated with it.
    /// - Returns: The octets to store.
    func seal(_ plain: [UInt8], number: UInt64, associated: [UInt8]) -> [UInt8] {
        let nonce = Self.nonce(number)
        return unsafe [UInt8](unsafeUninitializedCapacity: plain.count + Self.tagOctets) {
            out, count in
            var done = unsafe EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), nil, key, nonce)
            var length: Int32 = 0
            unsafe done &= EVP_EncryptUpdate(
                context, nil, &length, associated, Int32(associated.count))
            unsafe done &= EVP_EncryptUpdate(
                context, out.baseAddress, &length, plain, Int32(plain.count))
            let filled = Int(length)
            let end = unsafe out.baseAddress.map { unsafe $0 + filled }
            unsafe done &= EVP_EncryptFinal_ex(context, end, &length)
            unsafe done &= EVP_CIPHER_CTX_ctrl(
                context, EVP_CTRL_AEAD_GET_TAG, Int32(Self.tagOctets), end)
            precondition(done == 1 && filled == plain.count, "libcrypto refused to encrypt")
            count = plain.count + Self.tagOctets
        }
    }

    /// The piece decrypted; nil when key, number, associated octets or the piece are not the ones.
    func open(_ sealed: [UInt8], number: UInt64, associated: [UInt8]) -> [UInt8]? {
        guard sealed.count >= Self.tagOctets else { return nil }
        let octets = sealed.count - Self.tagOctets
        var tag = Array(sealed[octets...])
        let nonce = Self.nonce(number)
        var isWhole = false
        let plain = unsafe [UInt8](unsafeUninitializedCapacity: octets) { out, count in
            var done = unsafe EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), nil, key, nonce)
            var length: Int32 = 0
            unsafe done &= EVP_DecryptUpdate(
                context, nil, &length, associated, Int32(associated.count))
            unsafe done &= EVP_DecryptUpdate(
                context, out.baseAddress, &length, sealed, Int32(octets))
            unsafe done &= EVP_CIPHER_CTX_ctrl(
                context, EVP_CTRL_AEAD_SET_TAG, Int32(Self.tagOctets), &tag)
            let filled = Int(length)
            let end = unsafe out.baseAddress.map { unsafe $0 + filled }
            unsafe done &= EVP_DecryptFinal_ex(context, end, &length)
            isWhole = done == 1
            count = octets
        }
        return isWhole ? plain : nil
    }

    private static func nonce(_ number: UInt64) -> [UInt8] {
        var nonce: [UInt8] = [0, 0, 0, 0]
        Octets.append(number, octets: 8, to: &nonce)
        return nonce
    }
}
