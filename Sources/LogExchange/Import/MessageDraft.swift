package import MailEvents
package import MailModel

/// A message of an imported log, while lines about it may still come.
///
/// Concurrency: bound to the ``HistoryBuilder`` that made it.
package final class MessageDraft {
    /// One recipient, by its number.
    struct Recipient {
        var mailbox: Mailbox
        /// Attempts seen.
        var attempts = 0
        /// An outcome has been seen that ends it.
        var isFinal = false
        /// Its `queued` is in the log.
        var isQueued = false
    }

    let receivedAt: EventTime
    /// The `received`, but for the number of recipients.
    var received: MessageReceived
    /// The message that this one, a notification, reports on.
    var reportsOn: MessageDraft?
    /// In the order in which the log named them.
    var recipients: [Recipient] = []
    /// The numbers of ``recipients``.
    private var numbers: [Mailbox: Int] = [:]
    /// How many recipients the log says there are; 0 when it does not say.
    var expected = 0
    /// The number in the `received` that is in the log.
    var announced = 0
    /// Where its `received` stands in the log; nil before.
    var id: MessageID?
    /// No more lines will come.
    package internal(set) var isEnded = false
    private var finals = 0

    init(receivedAt: EventTime, received: MessageReceived) {
        self.receivedAt = receivedAt
        self.received = received
    }

    /// The number of a recipient, who is added when the log had not named it before.
    func number(of mailbox: Mailbox) -> Int {
        if let number = numbers[mailbox] { return number }
        numbers[mailbox] = recipients.count
        recipients.append(Recipient(mailbox: mailbox))
        return recipients.count - 1
    }

    /// Marks a recipient as final.
    func finish(_ number: Int) {
        recipients[number].isFinal = true
        finals += 1
    }

    /// Every recipient that there is, is final.
    var isComplete: Bool { finals == recipients.count && finals >= max(1, expected) }
}

/// What an imported log says of one attempt, or of the end of one recipient.
///
/// Concurrency: value.
package struct ImportedOutcome: Equatable, Sendable {
    package enum Kind: Equatable, Sendable { case delivered, deferred, bounced, expired }

    package var kind: Kind
    /// Number 0: the next one of the recipient; of ``isWithoutAttempt``, the last one.
    package var attempt: Attempt
    package var `class`: BounceClass
    package var saidBy: SaidBy
    /// Nothing was tried.
    package var isWithoutAttempt = false

    package init(
        _ kind: Kind, attempt: Attempt, class: BounceClass = .none, saidBy: SaidBy = .remote,
        isWithoutAttempt: Bool = false
    ) {
        self.kind = kind
        self.attempt = attempt
        self.class = `class`
        self.saidBy = saidBy
        self.isWithoutAttempt = isWithoutAttempt
    }

    /// What a recipient gets whose end the imported log does not tell.
    static let unknownEnd = ImportedOutcome(
        .bounced,
        attempt: Attempt(
            number: 0,
            reply: Reply(
                550, EnhancedStatusCode(5, 0, 0), "not final in the imported log; given up"),
            command: ""),
        saidBy: .administrator, isWithoutAttempt: true)
}
