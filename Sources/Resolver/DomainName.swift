internal import CIDN2
import Glibc
import MailModel

/// Brings a domain into the form that is asked for in the DNS.
///
/// Concurrency: no state.
enum DomainName {
    /// Lower case A-labels without a dot at the end; nil for a name that cannot be in the DNS.
    ///
    /// A name with U-labels (RFC 6531) goes through IDNA2008 with Unicode's normalisation (NFC) and
    /// non-transitional mapping (UTS 46), as browsers do.
    static func lookupForm(_ text: String) -> String? {
        var name = text.utf8.last == UInt8(ascii: ".") ? String(text.dropLast()) : text
        if !name.utf8.allSatisfy({ $0 < 0x80 }) {
            guard let ascii = toASCII(name) else { return nil }
            name = ascii
        }
        name = name.asciiLowercased()
        return isAcceptable(name.utf8) ? name : nil
    }

    /// Whether the name is of letters, digits, hyphens and underscores, within RFC 1035's lengths.
    ///
    /// Anything else could mean something else to the library (a backslash escapes there).
    private static func isAcceptable(_ name: String.UTF8View) -> Bool {
        guard !name.isEmpty, name.count <= Limits.nameOctetsMaximum else { return false }
        return name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
            .allSatisfy { label in
                (1...Limits.labelOctetsMaximum).contains(label.count)
                    && label.allSatisfy { byte in
                        (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte)
                            || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
                    }
            }
    }

    private static func toASCII(_ name: String) -> String? {
        guard !name.utf8.contains(0), name.utf8.count <= 4 * Limits.nameOctetsMaximum
        else { return nil }
        let flags = Int32(IDN2_NFC_INPUT.rawValue | IDN2_NONTRANSITIONAL.rawValue)
        var output: UnsafeMutablePointer<CChar>?
        guard unsafe idn2_to_ascii_8z(name, &output, flags) == Int32(IDN2_OK.rawValue),
            let text = unsafe output
        else { return nil }
        defer { unsafe idn2_free(text) }
        return unsafe String(cString: text)
    }

    /// Reads a name in wire form without compression; empty for the root, nil when malformed or of
    /// octets that no host name has.
    static func read(wire octets: ArraySlice<UInt8>) -> String? {
        var labels: [String] = []
        var rest = octets
        while let length = rest.popFirst(), length > 0 {
            guard length <= Limits.labelOctetsMaximum, rest.count >= Int(length) else { return nil }
            labels.append(String(decoding: rest.prefix(Int(length)), as: UTF8.self))
            rest = rest.dropFirst(Int(length))
        }
        guard rest.isEmpty, octets.last == 0 else { return nil }
        return labels.isEmpty ? "" : lookupForm(labels.joined(separator: "."))
    }
}
