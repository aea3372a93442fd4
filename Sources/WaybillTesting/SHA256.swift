import CCrypto

/// The SHA-256 of octets: 32 octets.
package func sha256(_ octets: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    _ = unsafe SHA256(octets, octets.count, &digest)
    return digest
}
