import MailEvents
import MailModel
import MailProjections
import Orders

// Orders and what they come to, as JSON.

extension RecipientSelector {
    /// Writes it as the member `scope`; one that is everything says so.
    func write(to writer: inout JSONWriter) {
        writer.beginObject("scope")
        if self == RecipientSelector() { writer.bool(true, "all") }
        if let message { writer.string(message.description, "message_id") }
        writer.text(tenant, "tenant")
        writer.text(campaign, "campaign")
        writer.text(domain, "domain")
        writer.endObject()
    }
}

extension QueueTally {
    func writeMembers(to writer: inout JSONWriter) {
        writer.number(recipients, "recipients")
        writer.number(messages, "messages")
        writer.number(deferred, "deferred")
        writer.number(held, "held")
        writer.number(heldInDoubt, "held_in_doubt")
    }
}

extension OrderResult {
    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.string(action.rawValue, "action")
        selector.write(to: &writer)
        writer.bool(hasChanged, "changed")
        writer.bool(isDryRun, "dry_run")
        if let sequence { writer.number(sequence, "sequence") }
        tally.writeMembers(to: &writer)
        if let until { writer.time(until, "until") }
        writer.endObject()
    }
}

extension DoubtResult {
    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.string(decision.rawValue, "decision")
        selector.write(to: &writer)
        if let recipient { writer.string(recipient.description, "recipient") }
        writer.bool(hasChanged, "changed")
        writer.bool(isDryRun, "dry_run")
        if let sequence { writer.number(sequence, "sequence") }
        writer.number(recipients, "recipients")
        writer.number(messages, "messages")
        writer.endObject()
    }
}

extension HeldRecipient {
    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.string(reference.message.description, "message_id")
        writer.string(reference.mailbox.description, "recipient")
        writer.number(reference.number, "recipient_number")
        writer.text(reference.tenant, "tenant")
        writer.text(reference.campaign, "campaign")
        writer.string(heldSince == nil ? "announced" : "held", "state")
        if let heldSince { writer.time(heldSince, "since") }
        writer.number(attempt, "attempt")
        writer.time(announcedAt, "announced")
        writer.number(sequence, "sequence")
        if let peer {
            writer.beginObject("mx")
            writer.string(peer.host, "host")
            writer.string(peer.address, "address")
            writer.number(peer.port, "port")
            writer.endObject()
            writer.text(peer.sourceAddress, "source_address")
        }
        writer.endObject()
    }
}

extension Suspension {
    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.number(sequence, "sequence")
        writer.time(since, "since")
        selector.write(to: &writer)
        if let until { writer.time(until, "until") }
        writer.text(reason, "reason")
        writer.text(actor, "actor")
        writer.endObject()
    }
}

extension QueueBreakdown.Group {
    func write(_ grouping: QueueBreakdown.Grouping, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key(grouping.rawValue)
        writer.string(name)
        writer.number(recipients, "recipients")
        writer.number(deferred, "deferred")
        writer.number(held, "held")
        writer.number(heldInDoubt, "held_in_doubt")
        writer.time(oldest, "oldest")
        writer.time(nextDue, "next_due")
        writer.endObject()
    }
}

extension SuppressionEntry {
    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.number(sequence, "sequence")
        writer.time(since, "since")
        writer.string(address.text, "address")
        writer.text(address.tenant, "tenant")
        writer.text(reason, "reason")
        writer.text(actor, "actor")
        if let expires { writer.time(expires, "expires") }
        writer.endObject()
    }
}

extension SuppressionTally {
    func writeMembers(to writer: inout JSONWriter) {
        writer.number(added, "added")
        writer.number(replaced, "replaced")
        writer.number(unchanged, "unchanged")
        if let sequence { writer.number(sequence, "sequence") }
    }
}
