package import MailEvents
package import MailModel

/// Makes a log's events out of what another server's log says, in the order of their times.
///
/// What it is told waits in a window (``ExchangeLimits/windowEntries``), for two reasons: lines may
/// be out of order, and a log may name recipients only with their first attempt. A message's
/// `received` is made when it leaves the window, with a `queued` for each recipient known by then.
///
/// It counts sequences itself, so the events must go into a log that nobody else writes, in the order
/// in which they are given back, beginning with the sequence it was made for.
///
/// Concurrency: bound to its owner; the drafts it gives out too.
package struct HistoryBuilder {
    private enum Item {
        case message(MessageDraft)
        case outcome(MessageDraft, number: Int, ImportedOutcome)
        case report(MessageDraft, number: Int, ImportedReport)
        case rejected(SessionRejected)
        case end(MessageDraft)
    }

    /// Counts of what was made.
    package private(set) var counts = HistoryCounts()
    private let epoch: UInt32
    private var nextSequence: UInt64
    private let windowEntries: Int
    private let openMax: Int
    private var window = TimeWindow<Item>()
    private var made: [Event] = []
    /// Of the last event made.
    private var lastTime = EventTime(microseconds: .min)
    /// The latest that was told of.
    private var latest = EventTime(microseconds: .min)
    /// Oldest first; ended ones among them.
    private var open: [MessageDraft] = []
    private var openHead = 0
    private var openCount = 0
    private var isFinishing = false

    /// - Parameters:
    ///   - nextSequence: of the first event that will be made.
    ///   - epoch: of the log.
    ///   - windowEntries: how much waits to be put in order.
    ///   - openMax: messages that are not final at a time.
    package init(
        nextSequence: UInt64, epoch: UInt32, windowEntries: Int = ExchangeLimits.windowEntries,
        openMax: Int = ExchangeLimits.openMessagesMax
    ) {
        self.nextSequence = nextSequence
        self.epoch = epoch
        self.windowEntries = windowEntries
        self.openMax = max(1, openMax)
    }

    // MARK: What is told

    /// A message was accepted. Its recipients are added as they are named.
    ///
    /// - Parameters:
    ///   - received: the event, but for the number of recipients.
    ///   - time: when.
    ///   - recipients: those that are known.
    ///   - expected: how many recipients the log says there are; 0 when it does not say.
    /// - Returns: the message, to tell more of.
    package mutating func receive(
        _ received: MessageReceived, at time: EventTime, recipients: [Mailbox] = [],
        expected: Int = 0
    ) -> MessageDraft {
        let draft = MessageDraft(receivedAt: time, received: received)
        for mailbox in recipients.prefix(ExchangeLimits.recipientsMax) {
            _ = draft.number(of: mailbox)
        }
        draft.expected = min(max(expected, draft.recipients.count), ExchangeLimits.recipientsMax)
        counts.messages += 1
        open.append(draft)
        openCount += 1
        tell(.message(draft), at: time)
        if openCount > openMax { giveUpOldest() }
        return draft
    }

    /// A recipient was named without anything having happened to it.
    package mutating func name(_ mailbox: Mailbox, of draft: MessageDraft) {
        guard !draft.isEnded, draft.recipients.count < ExchangeLimits.recipientsMax else { return }
        _ = draft.number(of: mailbox)
    }

    /// An attempt for a recipient ended, or the recipient's time in the queue.
    ///
    /// - Returns: false when the recipient had been final already; nothing is made of it then.
    package mutating func outcome(
        _ outcome: ImportedOutcome, for mailbox: Mailbox, of draft: MessageDraft,
        at time: EventTime
    ) -> Bool {
        guard !draft.isEnded, draft.recipients.count < ExchangeLimits.recipientsMax else {
            return false
        }
        let number = draft.number(of: mailbox)
        guard !draft.recipients[number].isFinal else { return false }
        var outcome = outcome
        if outcome.attempt.number > 0 {
            draft.recipients[number].attempts = outcome.attempt.number
        } else if !outcome.isWithoutAttempt {
            draft.recipients[number].attempts += 1
        }
        outcome.attempt.number = draft.recipients[number].attempts
        if outcome.kind != .deferred { draft.finish(number) }
        tell(.outcome(draft, number: number, outcome), at: time)
        if draft.isComplete { close(draft) }
        return true
    }

    /// Every recipient that is not final ends in the same way.
    package mutating func finishAll(
        _ outcome: ImportedOutcome, of draft: MessageDraft, at time: EventTime
    ) {
        guard !draft.isEnded else { return }
        for recipient in draft.recipients where !recipient.isFinal {
            _ = self.outcome(outcome, for: recipient.mailbox, of: draft, at: time)
        }
    }

    /// A complaint or a late bounce; the message may have ended.
    package mutating func report(
        _ report: ImportedReport, for mailbox: Mailbox, of draft: MessageDraft, at time: EventTime
    ) -> Bool {
        guard let number = draft.recipients.firstIndex(where: { $0.mailbox == mailbox }) else {
            return false
        }
        tell(.report(draft, number: number, report), at: time)
        return true
    }

    /// A command was refused.
    package mutating func reject(_ rejected: SessionRejected, at time: EventTime) {
        tell(.rejected(rejected), at: time)
    }

    /// The log says that the message is gone: what is not final by now never will be.
    package mutating func end(_ draft: MessageDraft, at time: EventTime) {
        guard !draft.isEnded else { return }
        close(draft)
        tell(.end(draft), at: time)
    }

    private mutating func close(_ draft: MessageDraft) {
        draft.isEnded = true
        openCount -= 1
        // Ended ones are taken out when they are the greater part.
        guard open.count - openHead > 2 * openCount + 1_024 else { return }
        open = open[openHead...].filter { !$0.isEnded }
        openHead = 0
    }

    private mutating func giveUpOldest() {
        while openHead < open.count {
            let oldest = open[openHead]
            openHead += 1
            guard !oldest.isEnded else { continue }
            counts.crowdedOut += 1
            return end(oldest, at: latest)
        }
    }

    private mutating func tell(_ item: Item, at time: EventTime) {
        latest = max(latest, time)
        window.insert(item, at: time)
    }

    // MARK: What is made

    /// The events that are ready, about `limit` of them at most; those of one message's reception
    /// stand side by side and are never divided. Empty when there is none.
    package mutating func takeEvents(limit: Int = ExchangeLimits.eventsPerAppend) -> [Event] {
        while window.count > (isFinishing ? 0 : windowEntries), made.count < limit,
            let (time, item) = window.removeFirst()
        {
            make(item, at: time)
        }
        defer { made = [] }
        return made
    }

    /// Nothing more will be told: all that is left becomes ready, and messages that are not final end
    /// as their log did not say.
    package mutating func finish() {
        for draft in open[openHead...] where !draft.isEnded { end(draft, at: latest) }
        isFinishing = true
    }

    private mutating func make(_ item: Item, at time: EventTime) {
        if time < lastTime {
            counts.raised += 1
            counts.raisedMicroseconds = max(
                counts.raisedMicroseconds, lastTime.microseconds - time.microseconds)
        }
        lastTime = max(lastTime, time)
        switch item {
        case .message(let draft): _ = makeReceived(draft)
        case .outcome(let draft, let number, let outcome):
            emit(outcome.fact(makeQueued(draft, number), at: lastTime))
        case .report(let draft, let number, let report):
            emit(report.fact(makeQueued(draft, number)))
        case .rejected(let rejected): emit(.rejected(rejected))
        case .end(let draft): makeEnd(draft)
        }
    }

    private mutating func emit(_ fact: Fact) {
        made.append(Event(time: lastTime, fact: fact))
        nextSequence += 1
        counts.note(fact)
    }

    /// Where the message stands in the log; its `received` is made now if it has not been.
    private mutating func makeReceived(_ draft: MessageDraft) -> MessageID {
        if let id = draft.id { return id }
        let id = MessageID(epoch: epoch, sequence: nextSequence)
        draft.id = id
        draft.announced =
            draft.isEnded && draft.isComplete
            ? draft.recipients.count : max(draft.expected, draft.recipients.count)
        draft.received.recipientCount = draft.announced
        draft.received.reportsOn = draft.reportsOn?.id
        draft.reportsOn = nil
        emit(.received(draft.received))
        for number in draft.recipients.indices { _ = makeQueued(draft, number) }
        return id
    }

    /// The reference to a recipient; its `queued` is made now if it has not been.
    private mutating func makeQueued(_ draft: MessageDraft, _ number: Int) -> RecipientReference {
        let id = makeReceived(draft)
        let reference = RecipientReference(
            message: id, number: number, mailbox: draft.recipients[number].mailbox,
            tenant: draft.received.tenant, campaign: draft.received.campaign)
        if !draft.recipients[number].isQueued {
            draft.recipients[number].isQueued = true
            emit(.queued(RecipientQueued(recipient: reference, due: lastTime)))
        }
        return reference
    }

    private mutating func makeEnd(_ draft: MessageDraft) {
        _ = makeReceived(draft)
        // Recipients that the log counted and never named: they must end too, or the message would
        // wait for them for ever.
        let unnamed = min(
            max(draft.announced, 1) - draft.recipients.count, ExchangeLimits.unnamedRecipientsMax)
        for _ in 0..<max(0, unnamed) {
            counts.unnamed += 1
            _ = draft.number(
                of: Mailbox(
                    localPart: "not-named-\(draft.recipients.count)", domain: "unknown.invalid"))
        }
        for number in draft.recipients.indices where !draft.recipients[number].isFinal {
            var outcome = ImportedOutcome.unknownEnd
            outcome.attempt.number = draft.recipients[number].attempts
            draft.finish(number)
            counts.givenUp += 1
            emit(outcome.fact(makeQueued(draft, number), at: lastTime))
        }
    }
}
