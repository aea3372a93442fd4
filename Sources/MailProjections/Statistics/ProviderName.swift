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
    private static let secondLevels: Set<String> = [
        "ac", "co", "com", "edu", "go", "gob", "gouv", "gov", "gv", "mil", "ne", "net", "nom",
        "or", "org", "sch",
    ]

    /// The provider of a host name, in lower case; empty for an empty one. A part of the host's own
    /// octets unless it has capitals.
    static func octets(ofHost host: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let dot = UInt8(ascii: ".")
        var name = host
        if name.contains(where: { $0 >= 0x41 && $0 <= 0x5A }) {
            name = name.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }[...]
        }
        if name.last == dot { name.removeLast() }
        let isAddress = name.allSatisfy { $0 == dot || ($0 >= 0x30 && $0 <= 0x39) }
        guard name.first != UInt8(ascii: "["), !name.contains(UInt8(ascii: ":")), !isAddress,
            let last = name.lastIndex(of: dot), let second = name[..<last].lastIndex(of: dot)
        else { return name }
        let isCountry = name.endIndex - last == 3
        guard isCountry, last - second <= 5,
            secondLevels.contains(String(decoding: name[(second + 1)..<last], as: UTF8.self))
        else { return name[(second + 1)...] }
        let third = name[..<second].lastIndex(of: dot)
        return third.map { name[($0 + 1)...] } ?? name
    }

    /// The provider of a host name.
    package static func name(ofHost host: String) -> String {
        String(decoding: octets(ofHost: Array(host.utf8)[...]), as: UTF8.self)
    }
}
