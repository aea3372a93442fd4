package import MailModel
import SMTPProtocol

/// A bearer key as it is kept: its secret is not in it.
///
/// In the file of keys one line: id, name, roles, tenant (`-` for all), hash, creation time, with
/// blanks in between:
///
/// ```
/// 4gk2v9x0ab shop inject,read acme sha256$<base 64> 2026-11-21T09:41:27.000000Z
/// ```
///
/// The hash is a plain SHA-256: the secret has 256 random bits, so there is nothing to guess that a
/// slow hash would protect.
///
/// Concurrency: value.
package struct APIKey: Hashable, Sendable {
    /// Names the key in lists, log lines and events; not secret.
    package var id: String
    /// What its owner calls it: 1 to 128 octets without blanks and control characters.
    package var name: String
    /// Never empty; in the order of ``APIRole``.
    package var roles: [APIRole]
    /// The one tenant it is for; empty: all.
    package var tenant: String
    /// SHA-256 of the token: 32 octets.
    package var hash: [UInt8]
    /// When it was made.
    package var created: String

    /// Whether the key may do what needs a role.
    package func may(_ role: APIRole) -> Bool { roles.contains { $0.includes(role) } }

    /// Whether a token is this key's. Takes the same time wherever it differs.
    package func matches(token: String) -> Bool {
        SHA256Functions.equal(hash, SHA256Functions.hash(Array(token.utf8)))
    }

    /// Whether a name or tenant can stand in the file.
    package static func isAcceptable(name: String) -> Bool {
        (1...APILimits.nameOctets).contains(name.utf8.count) && name != "-"
            && !name.hasPrefix("#")
            && name.unicodeScalars.allSatisfy {
                $0.value > 0x20 && $0.value != 0x7F && !$0.properties.isWhitespace
                    && $0.properties.generalCategory != .control
            }
    }
}

extension APIKey {
    /// A new key and its token, which is shown once and kept nowhere.
    ///
    /// The name must be acceptable (``isAcceptable(name:)``), and there is at least one role; an empty
    /// tenant stands for all.
    package static func make(
        name: String, roles: [APIRole], tenant: String, now: EventTime
    ) -> (key: APIKey, token: String) {
        var random = SystemRandomNumberGenerator()
        let id = text(10, &random)
        let token = "wb_\(id)_\(text(52, &random))"
        let key = APIKey(
            id: id, name: name, roles: APIRole.allCases.filter(roles.contains), tenant: tenant,
            hash: SHA256Functions.hash(Array(token.utf8)), created: now.description)
        return (key, token)
    }

    /// The id within a token; nil when it is not of a token's form.
    package static func id(inToken token: String) -> String? {
        let parts = token.utf8.split(
            separator: UInt8(ascii: "_"), omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].elementsEqual("wb".utf8), parts[1].count == 10,
            parts[2].count == 52
        else { return nil }
        return String(Substring(parts[1]))
    }

    /// Five random bits a letter; the alphabet of message ids.
    private static func text(
        _ count: Int, _ random: inout SystemRandomNumberGenerator
    ) -> String {
        let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)
        let letters = (0..<count).map { _ in alphabet[Int.random(in: 0..<32, using: &random)] }
        return String(decoding: letters, as: UTF8.self)
    }
}

extension APIKey: LosslessStringConvertible {
    /// Reads a line of the file of keys; nil when it is none.
    package init?(_ line: String) {
        let fields = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init)
        guard fields.count == 6, fields[0].utf8.count == 10, Self.isAcceptable(name: fields[1]),
            fields[3] == "-" || Self.isAcceptable(name: fields[3]),
            fields[4].hasPrefix("sha256$"),
            let hash = Base64.decode(String(fields[4].dropFirst(7))),
            hash.count == SHA256Functions.digestOctets
        else { return nil }
        let roles = fields[2].split(separator: ",").map { APIRole(rawValue: String($0)) }
        guard !roles.isEmpty, !roles.contains(nil) else { return nil }
        id = fields[0]
        name = fields[1]
        self.roles = APIRole.allCases.filter(roles.contains)
        tenant = fields[3] == "-" ? "" : fields[3]
        self.hash = hash
        created = fields[5]
    }

    /// The line in the file of keys.
    package var description: String {
        "\(id) \(name) \(roles.map(\.rawValue).joined(separator: ",")) "
            + "\(tenant.isEmpty ? "-" : tenant) sha256$\(Base64.encode(hash)) \(created)"
    }
}
