/// Signs requests to object storage: AWS Signature Version 4.
///
/// Concurrency: value.
struct RequestSigner: Sendable {
    let credentials: S3Credentials
    let region: String

    /// The header fields of a signed request, `authorization` among them.
    ///
    /// - Parameters:
    ///   - method: `GET`, `PUT`, ...
    ///   - host: As in the field Host.
    ///   - path: Encoded, from the first slash.
    ///   - query: Encoded, in the order of the names.
    ///   - fields: Signed too; lower-case names.
    ///   - payloadHash: SHA-256 of the body, hexadecimal.
    ///   - time: Microseconds since the Unix epoch.
    /// - Returns: What was given, and what the signature adds.
    func fields(
        method: String, host: String, path: String, query: String,
        fields: [(name: String, value: String)], payloadHash: String, time: Int64
    ) -> [(name: String, value: String)] {
        let stamp = Self.stamp(time)
        let day = String(stamp.prefix(8))
        var signed = fields
        signed.append(("host", host))
        signed.append(("x-amz-content-sha256", payloadHash))
        signed.append(("x-amz-date", stamp))
        if let token = credentials.sessionToken { signed.append(("x-amz-security-token", token)) }
        signed.sort { $0.name < $1.name }
        let names = signed.map(\.name).joined(separator: ";")
        let canonical =
            [method, path, query].joined(separator: "\n") + "\n"
            + signed.map { "\($0.name):\($0.value)\n" }.joined() + "\n" + names + "\n"
            + payloadHash
        let scope = "\(day)/\(region)/s3/aws4_request"
        let text =
            "AWS4-HMAC-SHA256\n\(stamp)\n\(scope)\n" + Hex.text(Digest.of(canonical.utf8))
        var key = Array("AWS4\(credentials.secretKey)".utf8)
        for part in [day, region, "s3", "aws4_request"] {
            key = Digest.authentication(key: key, Array(part.utf8))
        }
        let signature = Hex.text(Digest.authentication(key: key, Array(text.utf8)))
        signed.append(
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=\(credentials.accessKeyID)/\(scope), "
                    + "SignedHeaders=\(names), Signature=\(signature)"
            ))
        return signed
    }

    /// `20261121T230119Z`.
    static func stamp(_ microseconds: Int64) -> String {
        let seconds = microseconds / 1_000_000
        let (days, rest) = (seconds / 86_400, seconds % 86_400)
        // Days to a date of the Gregorian calendar, counted from the first of March of the year 0.
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(year)\(two(month))\(two(day))T"
            + "\(two(rest / 3600))\(two(rest / 60 % 60))\(two(rest % 60))Z"
    }

    /// Percent-encoded as the signature wants it: everything but letters, digits, `-_.~`, and `/`.
    static func encoded(_ text: String, keepsSlash: Bool) -> String {
        var out: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F, 0x2E, 0x7E: out.append(byte)
            case 0x2F where keepsSlash: out.append(byte)
            default: out += "%\(Hex.text([byte]).uppercased())".utf8
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}

/// Who asks object storage.
///
/// Concurrency: value.
package struct S3Credentials: Hashable, Sendable {
    package var accessKeyID: String
    package var secretKey: String
    package var sessionToken: String?

    /// Creates credentials.
    package init(accessKeyID: String, secretKey: String, sessionToken: String? = nil) {
        self.accessKeyID = accessKeyID
        self.secretKey = secretKey
        self.sessionToken = sessionToken
    }
}
