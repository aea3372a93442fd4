import HTTPTypes
import Hummingbird
import MailEvents
import MailModel
import MailProjections
import SMTPProtocol

/// `GET /api/v1/messages`: messages by recipient, sender, campaign, tenant, domain, time and state.
///
/// Concurrency: value.
struct MessageListRoutes: Sendable {
    var services: APIServices

    var routes: [Route] {
        [Route(.get, "/api/v1/messages", .role(.read)) { try await list($0) }]
    }

    private func list(_ call: APICall) async throws -> Response {
        try call.query.allow([
            "recipient", "sender", "campaign", "tenant", "domain", "state", "since", "until", "at",
            "limit", "after",
        ])
        let now = services.now()
        var query = MessageQuery(
            try Self.filter(call, try call.knownCaller(), now: now),
            limit: try call.query.number("limit", in: 1...APILimits.messagesPerPage)
                ?? APILimits.messagesPerPageUnsaid)
        query.examined = APILimits.messagesExamined
        query.before = try call.query.number("after", in: 1...UInt64.max) ?? .max
        let at = try call.query.point("at")
        let asked = query
        let index = services.messages
        let page = try await services.reading { log in
            var search = MessageSearch(log: log, index: try index.index(of: log))
            var query = asked
            if let at { query.through = try log.sequence(of: at, now: now) }
            return try search.find(query)
        }
        return .json { writer in
            writer.beginObject()
            writer.number(page.sequence, "sequence")
            if let next = page.next { writer.number(next, "next") }
            writer.bool(page.isCut, "cut")
            writer.beginArray("messages")
            for trace in page.messages { MessageSummary(trace: trace).write(to: &writer) }
            writer.endArray()
            writer.endObject()
        }
    }

    /// What is asked for. A tenant's key asks for its own tenant, whatever it says.
    private static func filter(
        _ call: APICall, _ caller: Caller, now: EventTime
    ) throws(Problem) -> MessageFilter {
        var filter = MessageFilter()
        if let text = try call.query.one("recipient") {
            guard let mailbox = AddressText.mailbox(text) else {
                throw .invalid("recipient", "`recipient` is a mailbox such as ben@example.net.")
            }
            filter.recipient = mailbox
        }
        if let text = try call.query.one("sender") {
            guard let path = AddressText.reversePath(text) else {
                throw .invalid(
                    "sender", "`sender` is a mailbox, or empty for the null reverse-path.")
            }
            filter.sender = path
        }
        filter.campaign = try call.query.one("campaign")
        filter.tenant = try call.query.one("tenant")
        filter.domain = try call.query.one("domain")?.asciiLowercased()
        if let text = try call.query.one("state") {
            guard let state = RecipientStanding.State(rawValue: text) else {
                let names = RecipientStanding.State.allCases.map(\.rawValue)
                throw .invalid("state", "`state` is one of " + names.joined(separator: ", ") + ".")
            }
            filter.state = state
        }
        filter.since = try call.query.time("since")?.time(now: now)
        filter.until = try call.query.time("until")?.time(now: now)
        guard !caller.seesAll else { return filter }
        if let tenant = filter.tenant, tenant != caller.tenant {
            throw Problem(.forbidden, "The key is for another tenant.")
        }
        filter.tenant = caller.tenant
        return filter
    }
}
