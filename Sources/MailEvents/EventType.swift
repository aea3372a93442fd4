/// The fixed numbers of the event types (`EventType` in events.proto), never reused.
///
/// It also lists types that no ``Fact`` describes yet: they have a name, and read as
/// ``Fact/unknown(type:message:)``.
package enum EventType: UInt32, CaseIterable, Sendable {
    case received = 1
    case queued = 2
    case deferred = 3
    case delivered = 4
    case bounced = 5
    case expired = 6
    case attempted = 7
    case complained = 8
    case bouncedLater = 9
    case rejected = 10
    case suppressed = 11
    case unsuppressed = 12
    case epochStarted = 32
    case suspended = 33
    case resumed = 34
    case rebound = 35
    case cancelled = 36
    case throttleSet = 37
    case sourceAdded = 38
    case sourceRemoved = 39
    case configurationApplied = 40
    case dictionaryAdded = 41
    case lost = 43
    case contentReceived = 44

    /// The wire name, for example `bounced_later`.
    package var name: String { String(describing: self).snakeCased() }

    /// Which messages of columns have an entry for an event of this type.
    var groups: [ColumnGroup] {
        switch self {
        case .received: [.received]
        case .queued: [.recipient, .queued]
        case .deferred: [.recipient, .attempt, .deferred, .failure]
        case .delivered, .attempted: [.recipient, .attempt]
        case .bounced, .expired: [.recipient, .attempt, .failure]
        case .rejected: [.rejected]
        case .epochStarted: [.epochStarted]
        case .configurationApplied: [.configurationApplied]
        case .suspended, .resumed, .rebound, .cancelled: [.control]
        case .suppressed, .unsuppressed: [.address]
        case .complained, .bouncedLater: [.feedback]
        case .contentReceived: [.contentReceived]
        case .throttleSet, .sourceAdded, .sourceRemoved, .dictionaryAdded, .lost: []
        }
    }

    /// The types that have a case of ``Fact``.
    static let described: [EventType] = allCases.filter(\.isDescribed)

    /// Whether this version has a ``Fact`` for the type.
    var isDescribed: Bool { !groups.isEmpty || self == .lost }
}

extension String {
    /// `sizeOctets` as `size_octets`.
    func snakeCased() -> String {
        var name = ""
        for character in self {
            if character.isUppercase { name += "_" }
            name += character.lowercased()
        }
        return name
    }
}
