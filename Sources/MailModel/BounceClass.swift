/// Why a delivery failed, in the class names that IANA's registry and KumoMTA's classifier use.
///
/// The numbers are stored in the log and never reused.
package enum BounceClass: UInt8, Hashable, Sendable, CaseIterable {
    /// Not classified.
    case none = 0
    case invalidRecipient = 1
    case badDomain = 2
    case inactiveMailbox = 3
    case invalidSender = 4
    case quotaIssues = 5
    case noAnswerFromHost = 6
    case badConnection = 7
    case dnsFailure = 8
    case routingErrors = 9
    case transientFailure = 10
    case messageExpired = 11
    case protocolErrors = 12
    case authenticationFailed = 13
    case policyRelated = 14
    case tooManyRecipients = 15
    case spamRelated = 16
    case contentRelated = 17

    /// The name shown and exported, for example `InvalidRecipient`; empty for ``none``.
    package var name: String {
        switch self {
        case .none: ""
        case .invalidRecipient: "InvalidRecipient"
        case .badDomain: "BadDomain"
        case .inactiveMailbox: "InactiveMailbox"
        case .invalidSender: "InvalidSender"
        case .quotaIssues: "QuotaIssues"
        case .noAnswerFromHost: "NoAnswerFromHost"
        case .badConnection: "BadConnection"
        case .dnsFailure: "DNSFailure"
        case .routingErrors: "RoutingErrors"
        case .transientFailure: "TransientFailure"
        case .messageExpired: "MessageExpired"
        case .protocolErrors: "ProtocolErrors"
        case .authenticationFailed: "AuthenticationFailed"
        case .policyRelated: "PolicyRelated"
        case .tooManyRecipients: "TooManyRecipients"
        case .spamRelated: "SpamRelated"
        case .contentRelated: "ContentRelated"
        }
    }
}
