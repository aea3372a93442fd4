import MailEvents
import MailModel

/// Follows the messages of a KumoMTA log by their ids.
///
/// Concurrency: bound to its owner.
struct KumoTracker {
    private var open: [String: MessageDraft] = [:]
    /// Final ones, for complaints and late bounces: by id, and the last one of each recipient.
    private var finished: [String: MessageDraft] = [:]
    private var finishedByRecipient: [Mailbox: MessageDraft] = [:]
    /// One entry a recipient.
    private var finishedOrder: [(id: String, mailbox: Mailbox, draft: MessageDraft)] = []
    private var finishedHead = 0
    private let finishedMax: Int
    private var calls = 0

    /// How many final messages and recipients are remembered.
    var remembered: (messages: Int, recipients: Int) {
        (finished.count, finishedByRecipient.count)
    }

    /// - Parameter finishedMax: Recipients of final messages that are remembered, the latest ones.
    init(finishedMax: Int = ExchangeLimits.finishedMessagesMax) {
        self.finishedMax = max(1, finishedMax)
    }

    /// Takes a record.
    ///
    /// - Returns: why nothing came of it; nil when something did.
    mutating func take(
        _ statement: KumoStatement, at time: EventTime, into builder: inout HistoryBuilder
    ) -> SkipReason? {
        dropEnded()
        switch statement.kind {
        case .rejection:
            builder.reject(statement.rejected, at: time)
            return nil
        case .reception:
            if let draft = open[statement.id], !draft.isEnded {
                for mailbox in statement.recipients { builder.name(mailbox, of: draft) }
            } else {
                open[statement.id] = builder.receive(
                    statement.received, at: time, recipients: statement.recipients)
            }
            return nil
        case .outOfBand, .feedback: return report(statement, at: time, into: &builder)
        case .delivery: return outcome(.delivered, statement, at: time, into: &builder)
        case .transientFailure: return outcome(.deferred, statement, at: time, into: &builder)
        case .bounce, .adminBounce: return outcome(.bounced, statement, at: time, into: &builder)
        case .expiration: return outcome(.expired, statement, at: time, into: &builder)
        }
    }

    private mutating func outcome(
        _ kind: ImportedOutcome.Kind, _ statement: KumoStatement, at time: EventTime,
        into builder: inout HistoryBuilder
    ) -> SkipReason? {
        if open[statement.id] == nil, finished[statement.id] != nil { return .afterItsEnd }
        let draft =
            open[statement.id]
            ?? builder.receive(
                statement.received, at: statement.created, recipients: statement.recipients)
        open[statement.id] = draft
        let outcome = statement.outcome(kind)
        var taken = false
        for mailbox in statement.recipients {
            if builder.outcome(outcome, for: mailbox, of: draft, at: time) { taken = true }
        }
        if draft.isEnded { finish(draft, statement.id) }
        return taken ? nil : .afterItsEnd
    }

    private mutating func report(
        _ statement: KumoStatement, at time: EventTime, into builder: inout HistoryBuilder
    ) -> SkipReason? {
        var taken = false
        for mailbox in statement.recipients {
            // An OOB or Feedback record has the id of the report that came in, not that of the
            // message it is about, unless its writer knew better.
            guard
                let draft = finished[statement.id] ?? open[statement.id]
                    ?? finishedByRecipient[mailbox]
            else { continue }
            let report: ImportedReport =
                statement.kind == .feedback
                ? .complained(
                    feedbackType: statement.feedbackType, reporter: statement.reporter, text: "")
                : .bouncedLater(
                    reporter: statement.peerName, text: statement.attempt.reply.diagnostic,
                    class: statement.bounceClass)
            if builder.report(report, for: mailbox, of: draft, at: time) { taken = true }
        }
        return taken ? nil : .noSuchMessage
    }

    private mutating func finish(_ draft: MessageDraft, _ id: String) {
        open[id] = nil
        finished[id] = draft
        for recipient in draft.recipients {
            finishedByRecipient[recipient.mailbox] = draft
            finishedOrder.append((id, recipient.mailbox, draft))
        }
        while finishedOrder.count - finishedHead > finishedMax {
            let oldest = finishedOrder[finishedHead]
            finishedHead += 1
            // Another message may have the id or the recipient by now.
            if finished[oldest.id] === oldest.draft { finished[oldest.id] = nil }
            if finishedByRecipient[oldest.mailbox] === oldest.draft {
                finishedByRecipient[oldest.mailbox] = nil
            }
        }
        if finishedHead > finishedMax {
            finishedOrder.removeFirst(finishedHead)
            finishedHead = 0
        }
    }

    /// Forgets messages that the builder has given up because there were too many.
    private mutating func dropEnded() {
        calls += 1
        guard calls % ExchangeLimits.openMessagesMax == 0 else { return }
        open = open.filter { !$0.value.isEnded }
    }
}

extension KumoStatement {
    fileprivate var rejected: SessionRejected {
        SessionRejected(
            listener: "", clientAddress: peerAddress, clientName: peerName, identity: "",
            sessionID: "", command: attempt.command, reversePath: sender,
            forwardPath: recipientText, reply: attempt.reply)
    }

    fileprivate func outcome(_ kind: ImportedOutcome.Kind) -> ImportedOutcome {
        var saidBy: SaidBy = isInternal || attempt.peer == nil ? .local : .remote
        if self.kind == .adminBounce { saidBy = .administrator }
        let isAttempt = self.kind != .adminBounce && self.kind != .expiration
        return ImportedOutcome(
            kind, attempt: attempt, class: kind == .delivered ? .none : bounceClass,
            saidBy: saidBy, isWithoutAttempt: !isAttempt)
    }
}

extension Reply {
    /// As the diagnostic of a notification; the text alone where there is no code.
    fileprivate var diagnostic: String { code > 0 ? "smtp; \(description)" : text }
}
