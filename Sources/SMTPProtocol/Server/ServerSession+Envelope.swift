internal import MailModel
internal import NIOCore

/// A mail transaction that is open: the shell limits its time by it.
///
/// Concurrency: value.
package struct OpenTransaction: Hashable, Sendable {
    /// From 1: which one of the session's.
    package var number: Int
    /// Whether content has begun to come: no more recipients will.
    package var hasContent: Bool

    package init(number: Int, hasContent: Bool) {
        self.number = number
        self.hasContent = hasContent
    }
}

extension ServerSession {
    /// The transaction that is open; nil between two.
    package var transaction: OpenTransaction? {
        guard isInTransaction else { return nil }
        return OpenTransaction(
            number: transactionsBegun, hasContent: phase == .content || chunking != .none)
    }

    /// Refuses a recipient that may be given again in another transaction. No error of the client's
    /// (RFC 5321 section 4.5.3.1.10), until there are far too many.
    mutating func refuseForNow(
        _ reply: ServerReply, _ mailbox: Mailbox, into out: inout ByteBuffer
    ) {
        hasRefusedRecipients = true
        surplusRecipients += 1
        refuse(
            reply, .rcpt, counts: surplusRecipients > configuration.limits.surplusRecipients,
            forwardPath: shouldNote() ? mailbox.description : "", into: &out)
    }
}

extension Envelope {
    /// About what it holds in memory without its recipients.
    var memoryOctets: Int {
        let path =
            switch reversePath {
            case .null: 0
            case .mailbox(let mailbox): mailbox.memoryOctets
            }
        return path + envelopeID.utf8.count
    }
}

extension EnvelopeRecipient {
    /// About what it holds in memory. Of its line only this is kept, not a source route.
    var memoryOctets: Int {
        MemoryLayout<EnvelopeRecipient>.stride + mailbox.memoryOctets + originalRecipient.utf8.count
    }
}

extension Mailbox {
    /// Octets of its two texts.
    fileprivate var memoryOctets: Int { localPart.utf8.count + domain.utf8.count }
}
