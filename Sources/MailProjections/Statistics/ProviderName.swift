/// The receiving provider behind an MX host: the part of the host's name that is registered.
///
/// The last two labels, or the last three when the last is a country's (two letters) and the one
/// before it is a common second level (`co.uk`, `com.au`, ...): `gmail-smtp-in.l.google.com` is
/// `google.com`, `example-org.mail.protection.outlook.com` is `outlook.com`, `mx.mail.example.co.uk`
/// is `example.co.uk`. An address literal is itself. The rule needs no list that changes with time,
/// so that the same log always gives the same statistics.
///
/// Concurrency: no state.
package enum ProviderName {
    private static let secondLevels: Set<[UInt8]> = Set(
        [
            "ac", "co", "com", "edu", "go", "gob", "gouv", "gov", "gv", "mil", "ne", "net", "nom",
            "or", "org", "sch",
        ].map { Array($0.utf8) })

    /// The provider of a host name, in lower case; empty for an empty one.
    static func octets(ofHost host: ArraySlice<UInt8>) -> [UInt8] {
        var name = host.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }
        if name.last == UInt8(ascii: ".") { name.removeLast() }
        let isAddress = name.allSatisfy {
            $0 == UInt8(ascii: ".") || ($0 >= 0x30 && $0 <= 0x39)
        }
        guard name.first != UInt8(ascii: "["), !name.contains(UInt8(ascii: ":")), !isAddress
        else { return name }
        let labels = name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: true)
        guard labels.count > 2 else { return name }
        let isCountry = labels[labels.count - 1].count == 2
        let kept =
            isCountry && secondLevels.contains(Array(labels[labels.count - 2])) ? 3 : 2
        return Array(labels.suffix(kept).joined(separator: [UInt8(ascii: ".")]))
    }

    /// The provider of a host name.
    package static func name(ofHost host: String) -> String {
        String(decoding: octets(ofHost: Array(host.utf8)[...]), as: UTF8.self)
    }
}
