import EventLog
import Logging
import MailEvents
import MailModel
import NIOCore

/// Outcomes on their way into the log.
extension DeliveryEngine {
    /// Appends a plan, its notifications included; these need the message.
    func record(_ plan: OutcomePlan, of group: DeliveryGroup, peer: DeliveryPeer?) {
        if plan.notices.isEmpty {
            add(plan)
            scheduleFlush()
            return finished(group)
        }
        if notices.returnsAllPieces(plan.notices, of: group.message.facts), !areNoticesWaiting {
            return recordWithAllPieces(plan, of: group, peer: peer)
        }
        recordWithFirstPiece(plan, of: group, peer: peer)
    }

    /// Of a message that is not in pieces, and of a small one, the first piece is all of it.
    private func recordWithFirstPiece(
        _ plan: OutcomePlan, of group: DeliveryGroup, peer: DeliveryPeer?
    ) {
        if let stored = group.message.stored {
            addNotices(plan, of: group, stored, peer: peer)
            return finished(group)
        }
        outcomesLoading += 1
        contents.read(group.message, while: { true }) { [self] result in
            outcomesLoading -= 1
            switch result {
            case .success(let stored):
                addNotices(plan, of: group, stored, peer: peer)
                contents.endUse(group.message)
            case .failure(let error):
                // The sender must be told even if the message itself is lost to us.
                _ = unreadable(group.message, error)
                addNotices(plan, of: group, nil, peer: peer)
            }
            finished(group)
            completeIfDrained()
        }
    }

    private func recordWithAllPieces(
        _ plan: OutcomePlan, of group: DeliveryGroup, peer: DeliveryPeer?
    ) {
        outcomesLoading += 1
        contents.readWhole(group.message) { [self] result in
            outcomesLoading -= 1
            switch result {
            case .success(let stored):
                addNotices(plan, of: group, stored, peer: peer)
                finished(group)
            case .failure:
                // The header may be there still.
                recordWithFirstPiece(plan, of: group, peer: peer)
            }
            completeIfDrained()
        }
    }

    /// Whether so much of notifications waits for the log that further ones return headers alone: where
    /// the log takes nothing, they must not fill the memory.
    private var areNoticesWaiting: Bool {
        pendingContentOctets + keeper.contentOctets > Limits.waitingNoticeOctets
    }

    private func add(_ plan: OutcomePlan) {
        let now = now()
        for fact in plan.facts { pendingEvents.append(Event(time: now, fact: fact)) }
    }

    private func addNotices(
        _ plan: OutcomePlan, of group: DeliveryGroup, _ stored: ActiveMessage.Stored?,
        peer: DeliveryPeer?
    ) {
        // No flush in between: one append has both, so that a crash loses no notification.
        add(plan)
        let now = now()
        let prologue = stored.map { self.prologue(group, $0) } ?? []
        for notice in plan.notices {
            let before = pendingContents.count
            notices.add(
                notice, message: group.message.facts, prologue: prologue, content: stored?.content,
                mayReturnBody: !areNoticesWaiting, peer: peer, now: now, to: &pendingEvents,
                contents: &pendingContents)
            pendingContentOctets += pendingContents[before...].reduce(0) { $0 + $1.bytes.count }
        }
        scheduleFlush()
    }

    /// Everything that this turn of the event loop brings goes into one append, unless it is much.
    func scheduleFlush() {
        if pendingEvents.count >= Limits.eventsPerAppend
            || pendingContentOctets >= Limits.noticeOctetsPerAppend
        {
            return flush()
        }
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        eventLoop.assumeIsolated().execute {
            self.isFlushScheduled = false
            self.flush()
        }
    }

    /// Appends what there is.
    func flush() {
        guard !pendingEvents.isEmpty else { return }
        let events = pendingEvents
        let contents = pendingContents
        pendingEvents = []
        pendingEvents.reserveCapacity(events.count)
        pendingContents = []
        pendingContentOctets = 0
        keeper.append(events, contents: contents)
    }

    /// Appends have failed: they are tried again after a while.
    func appendFailed(_ error: EventLogError) {
        guard !isAppendRetryScheduled else { return }
        isAppendRetryScheduled = true
        logger.error(
            "outcomes cannot be recorded",
            metadata: ["error": "\(error)", "events": "\(keeper.pendingEvents)"])
        let delay = TimeAmount.microseconds(Limits.appendRetryMicroseconds)
        eventLoop.assumeIsolated().scheduleTask(in: delay) {
            self.isAppendRetryScheduled = false
            self.keeper.retry()
        }
    }

    /// Appends are larger than the log takes: what can be recorded in smaller ones is.
    ///
    /// A single outcome that the log refuses cannot be recorded at all. Its recipient stays under
    /// way, attempted by nobody, until the next start finds it as the log has it.
    func appendTooLarge(_ error: EventLogError) {
        let division = keeper.divide()
        if division.divided > 0 {
            logger.warning(
                "outcomes are recorded in several appends",
                metadata: [
                    "error": "\(error)", "appends": "\(division.divided)",
                    "separated_notifications": "\(division.separatedNotices)",
                ])
        }
        for event in division.givenUp.compactMap(\.first) {
            var metadata: Logger.Metadata = ["error": "\(error)"]
            if let recipient = event.fact.recipient {
                metadata["message_id"] = "\(recipient.message)"
                metadata["tenant_id"] = "\(recipient.tenant)"
                metadata["recipient"] = "\(recipient.mailbox)"
                logger.error(
                    "an outcome cannot be recorded: the recipient waits for the next start",
                    metadata: metadata)
            } else if case .received(let received) = event.fact {
                metadata["message_id"] = "\(received.reportsOn.map { "\($0)" } ?? "")"
                metadata["tenant_id"] = "\(received.tenant)"
                metadata["octets"] = "\(received.sizeOctets)"
                logger.error(
                    "a notification cannot be recorded: the sender is not told",
                    metadata: metadata)
            }
        }
    }
}
