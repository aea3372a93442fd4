internal import CCrypto

/// SHA-256 and what SCRAM makes of it, by libcrypto.
///
/// Results are 32 octets. libcrypto fails here only when it is out of memory or broken, and then
/// nothing can go on: a precondition.
package enum SHA256Functions {
    /// Octets of a digest.
    package static let digestOctets = 32

    /// `H(data)`.
    package static func hash(_ data: [UInt8]) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: digestOctets) { buffer, count in
            let result = unsafe data.withUnsafeBufferPointer {
                unsafe SHA256($0.baseAddress, $0.count, buffer.baseAddress)
            }
            unsafe precondition(result != nil, "libcrypto: SHA256 failed")
            count = digestOctets
        }
    }

    /// `HMAC(key, data)` (RFC 2104).
    package static func hmac(key: [UInt8], _ data: [UInt8]) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: digestOctets) { buffer, count in
            let result = unsafe key.withUnsafeBufferPointer { key in
                unsafe data.withUnsafeBufferPointer { data in
                    unsafe HMAC(
                        EVP_sha256(), key.baseAddress, Int32(key.count), data.baseAddress,
                        data.count, buffer.baseAddress, nil)
                }
            }
            unsafe precondition(result != nil, "libcrypto: HMAC failed")
            count = digestOctets
        }
    }

    /// `Hi(password, salt, iterations)`: PBKDF2 with HMAC-SHA-256 and 32 octets
    /// (RFC 5802 section 2.2). Takes about half a microsecond an iteration.
    package static func pbkdf2(
        password: [UInt8], salt: [UInt8], iterations: Int
    ) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: digestOctets) { buffer, count in
            let result = unsafe password.withUnsafeBufferPointer { password in
                unsafe password.withMemoryRebound(to: CChar.self) { password in
                    unsafe salt.withUnsafeBufferPointer { salt in
                        unsafe PKCS5_PBKDF2_HMAC(
                            password.baseAddress, Int32(password.count), salt.baseAddress,
                            Int32(salt.count), Int32(iterations), EVP_sha256(),
                            Int32(digestOctets), buffer.baseAddress)
                    }
                }
            }
            precondition(result == 1, "libcrypto: PBKDF2 failed")
            count = digestOctets
        }
    }

    /// Whether two codes are equal, in a time that does not tell where they differ.
    package static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        var difference: UInt8 = 0
        for index in left.indices { difference |= left[index] ^ right[index] }
        return difference == 0
    }
}
