import MailModel
import SMTPProtocol

/// Which recipients of a transaction go back to the destination at once, without an event, because
/// nothing was decided about them.
///
/// Concurrency: value.
enum TransactionRecycling: Equatable, Sendable {
    /// All outcomes count.
    case none
    /// All recipients: a reused connection had ended, or ended as the transaction began.
    case all
    /// These, by index: the server took some of the recipients and had too many with these
    /// (RFC 5321 section 4.5.3.1.10).
    case some([Int])
    /// All outcomes are void, and nothing is to be tried: we stopped it ourselves.
    case nobody

    /// `isAnnounced`: an intent was given to the log, which must learn what came of it.
    init(
        result: TransactionResult, isFirstOnConnection: Bool, silentRetries: Int,
        isAnnounced: Bool = false
    ) {
        if let failure = result.sessionFailure {
            let isInDoubt = result.outcomes.contains {
                $0.disposition == .inDoubt || $0.disposition == .delivered
            }
            if failure.kind == .cancelled, !isInDoubt, !isAnnounced {
                self = .nobody
                return
            }
            // An idle server closes, or says 421, while our MAIL is on its way to it.
            let hadEnded = failure.kind == .connectionClosed && !result.serverAnswered
            let wasLeaving = failure.kind == .serviceClosing && failure.command == .mail
            if !isFirstOnConnection, hadEnded || wasLeaving, !isInDoubt, !isAnnounced,
                silentRetries < Limits.silentRetries
            {
                self = .all
                return
            }
            self = .none
            return
        }
        guard result.outcomes.contains(where: { $0.disposition == .delivered }) else {
            self = .none
            return
        }
        let again = result.outcomes.indices.filter { index in
            let outcome = result.outcomes[index]
            return outcome.disposition == .transientFailure && outcome.command == .rcpt
                && (outcome.reply.code == 452 || outcome.reply.code == 552)
                && (outcome.reply.status.map { $0.subject == 5 && $0.detail == 3 } ?? true)
        }
        self = again.isEmpty ? .none : .some(again)
    }
}
