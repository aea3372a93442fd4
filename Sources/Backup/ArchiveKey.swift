/// The key that a backup is encrypted with: 32 octets, kept in a file as 64 hexadecimal digits.
///
/// What it never does: show the key. Its id, which every object names, is a hash of it.
///
/// Concurrency: value.
package struct ArchiveKey: Hashable, Sendable {
    /// Octets of a key.
    package static let octets = 32

    private let bytes: [UInt8]

    /// A key of 32 octets; nil for any other number of them.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.octets else { return nil }
        self.bytes = bytes
    }

    /// Reads the key that a file's text says: 64 hexadecimal digits, with white space round them.
    ///
    /// - Parameters:
    ///   - text: Of the file.
    ///   - file: Its name, for the error.
    /// - Throws: `wrongKey` when it says none.
    package init(text: String, file: String) throws(ArchiveError) {
        let digits = text.filter { !$0.isWhitespace }
        guard let bytes = Hex.bytes(digits), bytes.count == Self.octets else {
            throw ArchiveError(
                .wrongKey, "the file holds no key: expected 64 hexadecimal digits", object: file,
                hint: "Make one with: openssl rand -hex 32")
        }
        self.bytes = bytes
    }

    /// Names the key: the first 8 octets of HMAC-SHA256(key, "waybill backup key id").
    package var id: [UInt8] {
        Array(Digest.authentication(key: bytes, Array("waybill backup key id".utf8)).prefix(8))
    }

    /// The key of one object.
    func objectKey(salt: [UInt8]) -> [UInt8] {
        Digest.authentication(key: bytes, Array("waybill backup object".utf8) + salt)
    }
}
