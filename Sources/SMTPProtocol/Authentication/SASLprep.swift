internal import CIDN

/// Names and passwords in the form in which they are compared: SASLprep (RFC 4013), a profile of stringprep
/// (RFC 3454), by libidn.
///
/// Keyboards and systems write the same letters differently: `ü` is one character or two. RFC 5802
/// section 2.2 therefore has both sides of SCRAM prepare what they hash, and RFC 4616 the server of PLAIN
/// what it compares.
package enum SASLprep {
    /// What the text is for: a character that Unicode 3.2 did not have may be asked for, not stored.
    package enum Use: Hashable, Sendable {
        case stored
        case query
    }

    /// The most octets of a text that is not ASCII; no name and no password is longer. The time that it
    /// takes grows with the square.
    package static let octetsMax = 1_024

    /// The most octets of a name that somebody has.
    package static let nameOctetsMax = 255

    /// Scalars that one scalar becomes, at most: U+FDFA.
    private static let expansionMax = 18

    /// The prepared form; nil when the text has what is prohibited, such as control characters, mixes the
    /// directions of writing, or is too long.
    package static func prepared(_ text: String, for use: Use) -> String? {
        if text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) { return text }
        guard text.utf8.count <= octetsMax, !text.utf8.contains(0) else { return nil }
        var scalars = text.unicodeScalars.map(\.value)
        var count = scalars.count
        scalars += [UInt32](repeating: 0, count: count * (expansionMax - 1) + 1)
        let result = unsafe scalars.withUnsafeMutableBufferPointer { buffer in
            unsafe waybill_saslprep(
                buffer.baseAddress, &count, buffer.count, use == .stored ? 1 : 0)
        }
        guard result == 0, count <= scalars.count else { return nil }
        var prepared = String.UnicodeScalarView()
        for value in scalars.prefix(count) {
            guard let scalar = Unicode.Scalar(value) else { return nil }
            prepared.append(scalar)
        }
        return String(prepared)
    }

    /// A name in the form in which names are compared: prepared, or as it is where it cannot be, for names
    /// with such characters may have been kept before names were prepared. Longer ones than
    /// ``nameOctetsMax`` are nobody's, and not looked at.
    package static func comparable(_ name: String) -> String {
        guard name.utf8.count <= nameOctetsMax, let prepared = prepared(name, for: .query),
            !prepared.isEmpty
        else { return name }
        return prepared
    }

    /// A password that is asked for, in the forms that may have been stored: prepared, and as it is typed,
    /// for what was stored before passwords were prepared.
    package static func candidates(_ password: [UInt8]) -> [[UInt8]] {
        guard password.span.isValidUTF8,
            let prepared = prepared(String(decoding: password, as: UTF8.self), for: .query),
            !prepared.isEmpty, !prepared.utf8.elementsEqual(password)
        else { return [password] }
        return [Array(prepared.utf8), password]
    }
}
