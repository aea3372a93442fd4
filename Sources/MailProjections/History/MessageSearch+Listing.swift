import EventLog
import MailEvents
import MailModel
import Projections

// Lists of messages, the newest first.
extension MessageSearch {
    /// A page of messages.
    ///
    /// - Throws: As ``trace(_:through:)``.
    package mutating func find(_ query: MessageQuery) throws -> MessagePage {
        var page = MessagePage()
        page.sequence = min(query.through, index.lastSequence)
        guard query.limit > 0, let span = try span(of: query) else { return page }
        let keys = keys(of: query.filter)
        var walk = Walk(query: query, page: page, left: query.examined)
        if keys.isEmpty {
            try readBack(&walk, span)
        } else {
            for chunk in index.chunks(from: span.lowerBound).reversed() {
                let candidates = try candidates(keys, chunk).filter(span.contains)
                guard try look(at: candidates, &walk) else { return walk.page }
            }
            walk.page.isCut = span.lowerBound < index.firstSequence
        }
        if log.pruned != nil, walk.page.next == nil, span.lowerBound <= log.firstSequence {
            walk.page.isCut = true
        }
        return walk.page
    }

    /// A page in the making.
    private struct Walk {
        var query: MessageQuery
        var page: MessagePage
        /// Messages that may still be looked at.
        var left: Int
        /// Of the messages on the page.
        var events = 0
        /// Messages to look at together: more when few of them match.
        var group = 0
        var seen: Set<MessageID> = []
    }

    /// The sequences that come into question; nil for none.
    private func span(of query: MessageQuery) throws -> ClosedRange<UInt64>? {
        var last = min(query.through, index.lastSequence)
        if query.before <= last { last = query.before == 0 ? 0 : query.before - 1 }
        var first = log.firstSequence
        if let until = query.filter.until {
            last = min(last, try firstSequence(after: until.justBefore) - 1)
        }
        if let since = query.filter.since { first = try firstSequence(after: since.justBefore) }
        return first <= last ? first...last : nil
    }

    /// The first event that is kept and later than an instant.
    private func firstSequence(after time: EventTime) throws -> UInt64 {
        if let pruned = log.pruned, time.microseconds < pruned.cutTime { return log.firstSequence }
        return try lastSequence(at: time) + 1
    }

    /// What is looked for in the index, the rarest kind first.
    private func keys(of filter: MessageFilter) -> [(kind: HistoryKind, key: UInt64)] {
        let head = index.head
        var keys: [(HistoryKind, UInt64)] = []
        if let recipient = filter.recipient { keys.append((.recipient, head.key(recipient))) }
        if let sender = filter.sender { keys.append((.sender, head.key(sender))) }
        if let campaign = filter.campaign, !campaign.isEmpty {
            keys.append((.campaign, head.key(campaign)))
        }
        if let domain = filter.domain { keys.append((.domain, head.key(domain))) }
        if let tenant = filter.tenant { keys.append((.tenant, head.key(tenant))) }
        return keys
    }

    /// The sequences of a chunk that all of the keys have, the newest first. Few of them are not
    /// compared with the other keys: their events are read anyway.
    private func candidates(
        _ keys: [(kind: HistoryKind, key: UInt64)], _ chunk: UInt64
    ) throws -> [UInt64] {
        var candidates: [UInt64] = []
        for (place, key) in keys.enumerated() {
            if place > 0, candidates.count <= Limits.messagesPerRead { break }
            let found = try index.postings(key.kind, keys: [key.key], in: chunk...chunk)
                .map(\.sequence)
            if place == 0 {
                candidates = found
            } else {
                let others = Set(found)
                candidates.removeAll { !others.contains($0) }
            }
        }
        return candidates.reversed()
    }

    /// Looks at messages in their order.
    ///
    /// - Returns: False when the page is full, or enough was looked at.
    private mutating func look(at candidates: [UInt64], _ walk: inout Walk) throws -> Bool {
        var rest = candidates[...]
        while !rest.isEmpty {
            let missing = walk.query.limit - walk.page.messages.count
            walk.group = min(max(missing, 2 * walk.group, 1), Limits.messagesPerRead)
            let count = min(walk.group, max(walk.left, 1), rest.count)
            let group = rest.prefix(count)
            rest = rest.dropFirst(count)
            walk.left -= count
            guard try take(messages(found: Array(group), walk.query), &walk) else { return false }
            if walk.left <= 0 {
                walk.page.next = group.last
                return false
            }
        }
        return true
    }

    /// The messages to which some sequences lead and that may match by their `received` alone.
    private mutating func messages(
        found group: [UInt64], _ query: MessageQuery
    ) throws -> [(place: UInt64, received: RecordedEvent)] {
        fetcher.removeAll()
        try fetcher.load(group)
        // A `queued` that stands for itself leads to its message.
        let roots = group.compactMap { sequence -> (place: UInt64, received: UInt64)? in
            guard let event = fetcher[sequence], let message = event.messageID else { return nil }
            switch event.event.fact {
            case .suppressed, .unsuppressed: return nil
            default: return (sequence, message.sequence)
            }
        }
        try fetcher.load(Set(roots.map(\.received)))
        return roots.compactMap { root in
            guard let event = fetcher[root.received], case .received(let fact) = event.event.fact,
                query.filter.admits(fact)
            else { return nil }
            return (root.place, event)
        }
    }

    /// Adds those messages to the page that match, in their order.
    ///
    /// - Returns: False when the page is full.
    private mutating func take(
        _ messages: [(place: UInt64, received: RecordedEvent)], _ walk: inout Walk
    ) throws -> Bool {
        var rest = messages[...]
        while !rest.isEmpty {
            // Few at a time of those with many recipients: their events are in memory together.
            var recipients = 0
            let count = rest.prefix { message in
                defer { recipients += message.received.recipientCount }
                return recipients < Limits.recipientsPerRead
            }.count
            let group = rest.prefix(count)
            rest = rest.dropFirst(count)
            fetcher.removeAll()
            let traces = try traces(group.map(\.received), through: walk.query.through)
            for (message, trace) in zip(group, traces) where walk.query.filter.admits(trace) {
                guard walk.seen.insert(trace.message).inserted else { continue }
                walk.page.messages.append(trace)
                walk.events += trace.events.count
                guard walk.page.messages.count < walk.query.limit,
                    walk.events < walk.query.events
                else {
                    walk.page.next = message.place
                    return false
                }
            }
        }
        return true
    }

    /// Goes back through the log itself, for a question without a key.
    private mutating func readBack(
        _ walk: inout Walk, _ span: ClosedRange<UInt64>
    ) throws {
        let isBounded = walk.query.examined < .max
        var next = span.upperBound
        while next >= span.lowerBound, let batch = try fetcher.batch(next) {
            let candidates = try MailEventDecoder.received(
                in: batch.bytes, firstSequence: batch.firstSequence
            ).filter { span.contains($0) && $0 <= next }
            guard try look(at: candidates.reversed(), &walk) else { return }
            guard batch.firstSequence > span.lowerBound else { return }
            next = batch.firstSequence - 1
            if isBounded, span.upperBound - next > Limits.eventsReadBackMaximum {
                walk.page.next = next + 1
                return
            }
        }
    }
}

extension MessageFilter {
    /// Whether a message may match, by its `received` alone.
    fileprivate func admits(_ received: MessageReceived) -> Bool {
        (tenant ?? received.tenant) == received.tenant
            && (campaign ?? received.campaign) == received.campaign
            && (sender ?? received.reversePath) == received.reversePath
    }

    /// Whether a message matches.
    fileprivate func admits(_ trace: MessageTrace) -> Bool {
        guard recipient != nil || domain != nil || state != nil else { return true }
        return trace.outcomes.contains { outcome in
            (recipient ?? outcome.mailbox) == outcome.mailbox
                && (domain ?? outcome.mailbox.domain) == outcome.mailbox.domain
                && (state ?? outcome.state) == outcome.state
        }
    }
}

extension RecordedEvent {
    /// Of a `received`.
    fileprivate var recipientCount: Int {
        if case .received(let fact) = event.fact { fact.recipientCount } else { 0 }
    }
}

extension EventTime {
    /// A microsecond earlier.
    fileprivate var justBefore: EventTime { EventTime(microseconds: microseconds &- 1) }
}
