/// A question to the DNS.
struct DNSQuestion: Hashable, Sendable {
    /// Record types that are asked for, by their number.
    enum RecordType: Int32, Hashable, Sendable {
        case a = 1
        case mx = 15
        case aaaa = 28
    }

    /// In lookup form, see ``DomainName``.
    var name: String
    var type: RecordType
}

/// What came back.
///
/// Concurrency: value.
struct DNSReply: Hashable, Sendable {
    enum Outcome: Hashable, Sendable {
        /// The data of the records, never empty.
        case records([[UInt8]])
        /// The name exists, without records of the type.
        case noData
        /// NXDOMAIN.
        case noDomain
        /// Server failure, refusal, time-out, failed validation.
        case failure(String)
    }

    var outcome: Outcome
    var ttlSeconds: Int
    var isSecure = false

    /// A reply that says why there is none.
    static func failed(_ reason: String) -> DNSReply {
        DNSReply(outcome: .failure(reason), ttlSeconds: Limits.failureSeconds)
    }
}

/// An MX record's data (RFC 1035 section 3.3.9).
struct MXRecord: Hashable, Sendable {
    var preference: UInt16
    /// Lower case; empty for the root, nil for a name that no host can have.
    var host: String?

    /// Reads the data; nil when it is malformed.
    init?(_ data: [UInt8]) {
        guard data.count >= 3 else { return nil }
        preference = UInt16(data[0]) << 8 | UInt16(data[1])
        host = DomainName.read(wire: data[2...])
    }
}
