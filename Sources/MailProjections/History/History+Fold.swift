package import MailEvents
import MailModel

extension History: EventVisitor {
    package static var fields: EventFields {
        [.sender, .message, .report, .recipientLocal, .recipientDomain, .recipientOwners]
    }

    package mutating func begin(_ texts: BatchTexts) { self.texts = texts }

    package mutating func visit(_ event: EventView) {
        guard event.sequence > head.lastSequence, event.sequence <= Posting.keyMaximum else {
            return
        }
        if head.lastSequence == 0 { begin(with: event) }
        let isRun =
            event.type == EventType.queued.rawValue && head.run != nil && head.run == event.message
            && event.sequence == head.lastSequence + 1
        if !isRun {
            head.run = event.type == EventType.received.rawValue ? event.message : nil
            let chunk = event.sequence >> head.chunkBits
            if chunk != head.openChunk { seal(next: chunk) }
        }
        head.lastSequence = event.sequence
        head.lastTime = max(head.lastTime, event.time)
        switch EventType(rawValue: event.type) {
        case .received: received(event)
        case .queued: queued(event, isRun: isRun)
        case .suppressed, .unsuppressed:
            if event.localText != 0 {
                post(.recipient, key: mailbox(event), at: event.sequence)
            }
            postMessage(event)
        default: postMessage(event)
        }
    }

    private mutating func begin(with event: EventView) {
        head.seed = UInt64(bitPattern: event.time)
        head.openChunk = event.sequence >> head.chunkBits
        head.oldestChunk = head.openChunk
        head.firstSequence = event.sequence
    }

    private mutating func received(_ event: EventView) {
        post(.sender, key: mailbox(event), at: event.sequence)
        post(.tenant, key: text(event.tenantText), at: event.sequence)
        if event.campaignText != 0 {
            post(.campaign, key: text(event.campaignText), at: event.sequence)
        }
        if let reported = event.reportsOn {
            post(.message, key: reported.sequence & Posting.keyMaximum, at: event.sequence)
        }
    }

    /// A `queued` right behind its `received` is found with it, and stands for the message in the
    /// index. Another one stands for itself; nothing that we write makes such.
    private mutating func queued(_ event: EventView, isRun: Bool) {
        let place = isRun ? head.run?.sequence ?? event.sequence : event.sequence
        post(.recipient, key: mailbox(event), at: place)
        let domain = Posting(
            key: text(event.domainText), offset: place & (1 << head.chunkBits - 1))
        if open[HistoryKind.domain.index].last != domain.word {
            open[HistoryKind.domain.index].append(domain.word)
        }
        guard !isRun else { return }
        post(.tenant, key: text(event.tenantText), at: place)
        if event.campaignText != 0 {
            post(.campaign, key: text(event.campaignText), at: place)
        }
        postMessage(event)
    }

    @inline(__always)
    private mutating func postMessage(_ event: EventView) {
        guard let message = event.message else { return }
        post(.message, key: message.sequence & Posting.keyMaximum, at: event.sequence)
    }

    @inline(__always)
    private func mailbox(_ event: EventView) -> UInt64 {
        guard let texts else { return 0 }
        let domain = texts.hash(event.domainText, seed: head.seed)
        return Posting.key(hash: texts.hash(event.localText, seed: domain))
    }

    @inline(__always)
    private func text(_ number: UInt32) -> UInt64 {
        guard let texts else { return 0 }
        return Posting.key(hash: texts.hash(number, seed: head.seed))
    }
}

extension History.Head {
    /// The key of a mailbox, which the postings of its messages have.
    func key(_ mailbox: Mailbox) -> UInt64 {
        let domain = BatchTexts.hash(mailbox.domain, seed: seed)
        return Posting.key(hash: BatchTexts.hash(mailbox.localPart, seed: domain))
    }

    /// The key of a reverse-path.
    func key(_ path: ReversePath) -> UInt64 {
        switch path {
        case .null: key(Mailbox(localPart: "", domain: ""))
        case .mailbox(let mailbox): key(mailbox)
        }
    }

    /// The key of a tenant, a campaign or a domain.
    func key(_ text: String) -> UInt64 {
        Posting.key(hash: BatchTexts.hash(text, seed: seed))
    }
}
