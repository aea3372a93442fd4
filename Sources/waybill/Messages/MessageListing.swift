import MailEvents
import MailModel
import MailProjections

/// Messages as rows.
enum MessageListing {
    /// One row a message, with all its recipients.
    static func messages(_ traces: [MessageTrace]) -> Listing {
        var listing = Listing([
            .init("RECEIVED", "received"), .init("MESSAGE", "message_id"),
            .init("SENDER", "sender"), .init("TENANT", "tenant"), .init("CAMPAIGN", "campaign"),
            .init(">RECIPIENTS", "recipients"), .init("FIRST RECIPIENT", "recipient"),
            .init("STATE", "state"), .init("LAST REPLY", "reply"),
        ])
        for trace in traces {
            guard let (event, fact) = trace.received else { continue }
            let outcomes = trace.outcomes
            let last = outcomes.filter { $0.reply != nil }.max { $0.since < $1.since }
            listing.add([
                .time(event.event.time), .text(trace.message.description),
                .text("<\(fact.reversePath)>"), .text(fact.tenant), .text(fact.campaign),
                .number(fact.recipientCount),
                .text(outcomes.first?.mailbox.description ?? ""), .text(states(outcomes)),
                .text(last?.reply?.description ?? "-"),
            ])
        }
        return listing
    }

    /// One row a message, of one of its recipients.
    static func messages(_ traces: [MessageTrace], for mailbox: Mailbox) -> Listing {
        var listing = Listing([
            .init("RECEIVED", "received"), .init("MESSAGE", "message_id"),
            .init("TENANT", "tenant"), .init("CAMPAIGN", "campaign"), .init("STATE", "state"),
            .init(">ATTEMPTS", "attempts"), .init(">TOOK", "took_ms"),
            .init("LAST REPLY", "reply"),
        ])
        for trace in traces {
            guard let (event, fact) = trace.received else { continue }
            for outcome in trace.outcomes where outcome.mailbox == mailbox {
                let passed = outcome.since.microseconds - event.event.time.microseconds
                listing.add([
                    .time(event.event.time), .text(trace.message.description),
                    .text(fact.tenant), .text(fact.campaign), .text(outcome.state.rawValue),
                    .number(outcome.attempts),
                    .milliseconds(outcome.state.isFinal ? passed / 1000 : nil),
                    .text(outcome.reply?.description ?? "-"),
                ])
            }
        }
        return listing
    }

    /// `delivered`, or `3 delivered, 1 deferred`.
    static func states(_ outcomes: [RecipientStanding]) -> String {
        guard outcomes.count > 1 else { return outcomes.first?.state.rawValue ?? "-" }
        return RecipientStanding.State.allCases.compactMap { state in
            let count = outcomes.count { $0.state == state }
            return count > 0 ? "\(count) \(state.rawValue)" : nil
        }.joined(separator: ", ")
    }
}
