import MailEvents
import MailModel
import SMTPProtocol

/// Why an attempt came to nothing before any recipient was answered for: it is the same for all of
/// them.
///
/// Concurrency: value.
struct AttemptFailure: Equatable, Sendable {
    /// The peer's words, or our own.
    var reply: Reply
    /// What the reply answers, as events show it.
    var command: String
    var `class`: BounceClass
    var saidBy: SaidBy
    /// Whether trying again is pointless: the recipients bounce.
    var isPermanent: Bool
    /// Where the last connection went, if there was one.
    var peer: DeliveryPeer?

    /// A failure in our own words.
    static func local(
        _ code: UInt16, _ status: EnhancedStatusCode, _ text: String, command: String = "connect",
        class: BounceClass, saidBy: SaidBy = .local, peer: DeliveryPeer? = nil
    ) -> AttemptFailure {
        AttemptFailure(
            reply: Reply(code, status, text), command: command, class: `class`, saidBy: saidBy,
            isPermanent: code >= 500, peer: peer)
    }

    /// A session that ended before it could take mail.
    ///
    /// A refusal at the door (`554` greeting, EHLO refused) is not held against the message: the next
    /// host may take it, and tomorrow this one may. Only `521` and `556` say that a host never takes
    /// mail (RFC 7504).
    static func session(
        _ failure: SessionFailure, classifier: BounceClassifier, peer: DeliveryPeer?
    ) -> AttemptFailure {
        let name = failure.command.name
        let isPermanent =
            failure.kind == .refused && (failure.reply.code == 521 || failure.reply.code == 556)
        return AttemptFailure(
            reply: failure.reply, command: name,
            class: Self.class(of: failure, classifier: classifier),
            saidBy: failure.isLocal ? .local : .remote, isPermanent: isPermanent, peer: peer)
    }

    private static func `class`(
        of failure: SessionFailure, classifier: BounceClassifier
    ) -> BounceClass {
        switch failure.kind {
        case .refused, .serviceClosing:
            let `class` = classifier.classify(failure.reply, command: failure.command.name)
            return `class` == .none ? .badConnection : `class`
        case .protocolError: return .protocolErrors
        case .timedOut: return failure.command == .connect ? .noAnswerFromHost : .badConnection
        case .connectionClosed, .cancelled, .withheld: return .badConnection
        case .tlsUnavailable, .tlsHandshake: return .policyRelated
        case .authenticationUnavailable, .authenticationFailed: return .authenticationFailed
        }
    }
}
