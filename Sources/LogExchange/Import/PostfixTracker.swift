import MailEvents
import MailModel

/// Follows the messages of a Postfix log by host and queue id, from the line that begins one to
/// `removed`, after which the id may be used again.
///
/// Concurrency: bound to its owner.
struct PostfixTracker {
    /// What is known of a message before its envelope is.
    private struct Beginning {
        var client = PostfixClient()
        var messageID = ""
        var reportsOn: MessageDraft?
    }

    private var open: [PostfixKey: MessageDraft] = [:]
    /// Begun and not yet in the queue. Sessions that break leave theirs behind: two generations.
    private var beginnings: [PostfixKey: Beginning] = [:]
    private var olderBeginnings: [PostfixKey: Beginning] = [:]
    private var calls = 0

    private static let beginningsMax = 50_000

    /// Takes what a line says.
    ///
    /// - Returns: why nothing came of it; nil when something did, or may.
    mutating func take(
        _ statement: PostfixStatement, at time: EventTime, into builder: inout HistoryBuilder
    ) -> SkipReason? {
        dropEnded()
        let key = statement.key
        switch statement.content {
        case .began(let client):
            // The id is used again without `removed`: the log has a gap.
            if let old = open.removeValue(forKey: key) { builder.end(old, at: time) }
            change(key) { $0.client = client }
        case .messageID(let text):
            if let draft = open[key] {
                if draft.id == nil { draft.received.headerMessageID = text }
            } else {
                change(key) { $0.messageID = text }
            }
        case .active(let sender, let size, let recipients):
            if open[key] == nil {
                open[key] = receive(
                    key, sender: sender, size: size, expected: recipients, at: time,
                    into: &builder)
            }
        case .delivery(let delivery): return take(delivery, key, at: time, into: &builder)
        case .expired:
            guard let draft = open[key] else { return .afterItsEnd }
            builder.finishAll(Self.expiry, of: draft, at: time)
        case .removed:
            guard let draft = open.removeValue(forKey: key) else { return .afterItsEnd }
            builder.end(draft, at: time)
        case .notification(let id):
            let draft = open[key]
            let notice = PostfixKey(host: key.host, queueID: id)
            if let known = open[notice] {
                known.reportsOn = draft
            } else {
                change(notice) { $0.reportsOn = draft }
            }
        case .rejected(let rejected): builder.reject(rejected, at: time)
        }
        return nil
    }

    private mutating func take(
        _ delivery: PostfixDelivery, _ key: PostfixKey, at time: EventTime,
        into builder: inout HistoryBuilder
    ) -> SkipReason? {
        let draft: MessageDraft
        if let known = open[key] {
            draft = known
        } else {
            // The log begins in the middle of the message's life, `delay` ago.
            let seconds = delivery.delay ?? 0
            let arrival = EventTime(
                microseconds: time.microseconds - Int64(seconds * 1_000_000))
            draft = receive(
                key, sender: "", size: 0, expected: 0, at: arrival, into: &builder)
            open[key] = draft
        }
        let taken = builder.outcome(delivery.outcome, for: delivery.recipient, of: draft, at: time)
        return taken ? nil : .afterItsEnd
    }

    private mutating func receive(
        _ key: PostfixKey, sender: String, size: Int, expected: Int, at time: EventTime,
        into builder: inout HistoryBuilder
    ) -> MessageDraft {
        let beginning =
            beginnings.removeValue(forKey: key) ?? olderBeginnings.removeValue(forKey: key)
            ?? Beginning()
        let client = beginning.client
        let isLocal = client.isLocal || client.address.isEmpty
        let received = MessageReceived(
            reversePath: MailboxText.reversePath(sender), sizeOctets: max(0, size),
            contentSHA256: ContentHash.none, recipientCount: 0,
            session: IngressSession(
                listener: "", serverName: key.host,
                transmissionType: isLocal ? .local : client.user.isEmpty ? .esmtp : .esmtpa,
                clientAddress: client.address, clientName: client.name, identity: client.user),
            headerMessageID: beginning.messageID,
            metadata: MessageMetadata([("postfix_queue_id", key.queueID)]))
        let draft = builder.receive(received, at: time, expected: expected)
        draft.reportsOn = beginning.reportsOn
        return draft
    }

    private mutating func change(_ key: PostfixKey, _ change: (inout Beginning) -> Void) {
        if beginnings.count >= Self.beginningsMax {
            swap(&beginnings, &olderBeginnings)
            beginnings.removeAll(keepingCapacity: true)
        }
        if let older = olderBeginnings.removeValue(forKey: key) { beginnings[key] = older }
        change(&beginnings[key, default: Beginning()])
    }

    /// Forgets messages that the builder has ended by itself.
    private mutating func dropEnded() {
        calls += 1
        guard calls % ExchangeLimits.openMessagesMax == 0 else { return }
        open = open.filter { !$0.value.isEnded }
    }

    private static let expiry = ImportedOutcome(
        .expired,
        attempt: Attempt(
            number: 0,
            reply: Reply(550, EnhancedStatusCode(5, 4, 7), "expired, returned to sender"),
            command: ""),
        class: .messageExpired, saidBy: .local, isWithoutAttempt: true)
}
