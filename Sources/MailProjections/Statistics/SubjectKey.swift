import Projections

/// What statistics are kept of.
package enum SubjectKind: UInt8, CaseIterable, Hashable, Sendable {
    /// The whole server.
    case server = 1
    /// A client: one of the tenants.
    case tenant = 2
    /// A campaign of a tenant.
    case campaign = 3
    /// A domain of recipients.
    case domain = 4
    /// A receiving provider: the site of the MX hosts. See ``ProviderName``.
    case provider = 5
    /// One of our own source addresses.
    case source = 6
    /// One of our own source addresses at one receiving provider.
    case route = 7

    /// The name in output.
    package var name: String { String(describing: self) }

    /// Subjects of the kind there are at most; more are counted together.
    var subjectsMaximum: Int {
        switch self {
        case .server: 1
        case .tenant: Limits.tenantsMaximum
        case .campaign: Limits.campaignsMaximum
        case .domain: Limits.domainsMaximum
        case .provider: Limits.providersMaximum
        case .source: Limits.sourcesMaximum
        case .route: Limits.routesMaximum
        }
    }

    /// Days without activity after which a subject is dropped; nil for never.
    var idleDaysMaximum: UInt32? {
        switch self {
        case .server: nil
        case .tenant: Limits.daysKept
        case .campaign: Limits.campaignIdleDays
        case .domain: Limits.domainIdleDays
        case .provider, .source, .route: Limits.providerIdleDays
        }
    }

    /// Hours for which classes and times to delivery are kept hour by hour; 0 for a total only.
    var detailHoursKept: UInt32 {
        switch self {
        case .server: Limits.hoursKept
        case .tenant, .provider, .source: Limits.detailHoursKept
        case .campaign, .domain, .route: 0
        }
    }

    /// Whether the names are those of hosts, in lower case.
    var isHost: Bool { self == .domain || self == .provider }

    /// Whether recipients are counted by domain.
    package var hasDomains: Bool { self == .tenant || self == .campaign }
    /// Whether attempts are counted by provider.
    package var hasProviders: Bool { self == .tenant || self == .campaign || self == .source }
    /// Whether replies are counted.
    var hasReplies: Bool { self != .domain && self != .route }
}

/// Names a subject.
package struct SubjectKey: Hashable, Sendable {
    package var kind: SubjectKind
    /// The tenant of a campaign, the source address of a route; empty for other kinds.
    package var tenant: String
    /// The provider of a route. Empty for the server, and for mail that named no tenant or campaign.
    package var name: String

    /// Whether it stands for all subjects of its kind beyond the limit.
    package var isOverflow: Bool { name == SubjectKeyBytes.overflowName }

    /// Creates a key.
    package init(kind: SubjectKind, tenant: String = "", name: String) {
        self.kind = kind
        self.tenant = tenant
        self.name = name
    }
}

/// A subject's key as the first octets of its rows' keys: kind, then tenant and name, each with its
/// length (1 octet) before it. No key is the beginning of another.
///
/// Concurrency: no state.
enum SubjectKeyBytes {
    /// No name that a client can give has this octet.
    static let overflowName = "\u{0}other"

    /// Writes a key; names are cut at ``Limits/nameOctetsMaximum``.
    static func write(
        _ kind: SubjectKind, tenant: ArraySlice<UInt8>, name: ArraySlice<UInt8>,
        to bytes: inout [UInt8]
    ) {
        bytes.removeAll(keepingCapacity: true)
        bytes.append(kind.rawValue)
        write(tenant, to: &bytes)
        write(name, to: &bytes)
    }

    private static func write(_ part: ArraySlice<UInt8>, to bytes: inout [UInt8]) {
        let kept = part.prefix(Limits.nameOctetsMaximum)
        bytes.append(UInt8(truncatingIfNeeded: kept.count))
        bytes.append(contentsOf: kept)
    }

    /// The key of the subject that stands for those beyond the limit.
    static func overflow(_ kind: SubjectKind) -> [UInt8] {
        var bytes: [UInt8] = []
        write(kind, tenant: [], name: Array(overflowName.utf8)[...], to: &bytes)
        return bytes
    }

    /// The key of a subject.
    static func bytes(_ key: SubjectKey) -> [UInt8] {
        var bytes: [UInt8] = []
        write(
            key.kind, tenant: Array(key.tenant.utf8)[...], name: Array(key.name.utf8)[...],
            to: &bytes)
        return bytes
    }

    /// How long the key at the beginning of a row's key is; nil when there is none.
    static func length(_ bytes: [UInt8]) -> Int? {
        guard let kind = bytes.first, SubjectKind(rawValue: kind) != nil, bytes.count > 1
        else { return nil }
        let nameLengthAt = 2 + Int(bytes[1])
        guard nameLengthAt < bytes.count else { return nil }
        let end = nameLengthAt + 1 + Int(bytes[nameLengthAt])
        return end <= bytes.count ? end : nil
    }

    /// The key that the octets stand for.
    static func key(_ bytes: [UInt8]) -> SubjectKey? {
        guard let length = length(bytes), let kind = SubjectKind(rawValue: bytes[0])
        else { return nil }
        let tenantEnd = 2 + Int(bytes[1])
        return SubjectKey(
            kind: kind, tenant: String(decoding: bytes[2..<tenantEnd], as: UTF8.self),
            name: String(decoding: bytes[(tenantEnd + 1)..<length], as: UTF8.self))
    }
}
