import EventLog
import HTTPTypes
import Hummingbird
import MailEvents
import MailModel
import NIOCore
import Synchronization

/// `GET /api/v1/events`: the log as a stream, for analytics.
///
/// Concurrency: value.
struct EventRoutes: Sendable {
    var services: APIServices

    var routes: [Route] {
        [Route(.get, "/api/v1/events", .role(.read)) { try await events($0) }]
    }

    private func events(_ call: APICall) async throws -> Response {
        let caller = try call.knownCaller()
        try call.query.allow([
            "from", "since", "type", "campaign", "tenant", "limit", "follow", "format",
        ])
        let format = try Self.format(call)
        let follows = try call.query.flag("follow") ?? (format == .serverSent)
        let filter = try Self.filter(call, caller)
        let since = try Self.instant(call, now: services.now())
        let from = try await first(call, since)
        let limit = try call.query.number("limit", in: 1...Int.max)
        let place = try services.streams.enter()
        let cursor = EventCursor(
            format: format, filter: filter, since: since, next: from, left: limit)
        let services = services
        let body = ResponseBody { writer in
            // The place is given back when the stream ends, however it does.
            defer { withExtendedLifetime(place) {} }
            var stream = EventStream(services: services, cursor: cursor, follows: follows)
            try await stream.run(&writer)
            try await writer.finish(nil)
        }
        return Response(
            status: .ok,
            headers: [.contentType: format.contentType, .cacheControl: "no-store"], body: body)
    }

    /// Where to begin: `Last-Event-ID` first, for a browser resumes with it at the same URL.
    ///
    /// A place that the log has not reached is refused: whoever asks for it has read another log.
    private func first(_ call: APICall, _ since: EventTime?) async throws -> UInt64 {
        let asked = try Self.askedFor(call)
        let from = try call.query.one("from")
        if from != nil, since != nil {
            throw Problem.invalid("from", "Give `from` or `since`, not both.")
        }
        return try await services.reading { log in
            let end = try log.lastSequence() + 1
            if let asked {
                guard asked.sequence <= end else {
                    throw Problem.invalid(
                        asked.name,
                        "The log ends at \(end - 1): what was read before is another log's.")
                }
                if let pruned = log.pruned, log.isPruned(asked.sequence) { throw pruned.refusal() }
                return asked.sequence
            }
            if let since { return try LogTime.firstSequence(at: since, in: log) }
            return from == "end" ? end : log.firstSequence
        }
    }

    /// The first sequence that the request names, and where it does.
    private static func askedFor(
        _ call: APICall
    ) throws(Problem) -> (sequence: UInt64, name: String)? {
        if let text = call.header("Last-Event-ID"), !text.isEmpty {
            guard let sequence = UInt64(text), sequence < UInt64.max else {
                throw .invalid("Last-Event-ID", "The id of an event is its sequence.")
            }
            return (sequence + 1, "Last-Event-ID")
        }
        guard try call.query.one("from") != "end" else { return nil }
        return try call.query.number("from", in: 1...(UInt64.max - 1)).map { ($0, "from") }
    }

    private static func instant(
        _ call: APICall, now: EventTime
    ) throws(Problem) -> EventTime? {
        guard let text = try call.query.one("since") else { return nil }
        guard let point = TimePoint(text) else {
            throw .invalid("since", "`since` is an instant such as 2026-11-21T09:41:27Z, or 24h.")
        }
        return point.time(now: now)
    }

    private static func format(_ call: APICall) throws(Problem) -> EventFormat {
        switch try call.query.one("format") {
        case "ndjson": return .lines
        case "sse": return .serverSent
        case nil: break
        default: throw .invalid("format", "The format is ndjson or sse.")
        }
        let accepted = call.request.headers[.accept] ?? ""
        return accepted.lowercased().contains("text/event-stream") ? .serverSent : .lines
    }

    private static func filter(_ call: APICall, _ caller: Caller) throws(Problem) -> EventFilter {
        var filter = EventFilter(scope: caller.tenant)
        for list in call.query.all("type") {
            for name in list.split(separator: ",") {
                guard EventType.allCases.contains(where: { $0.name == name }) else {
                    throw .invalid("type", "There is no event type \(name).")
                }
                filter.types.insert(String(name))
            }
        }
        filter.campaign = try call.query.one("campaign")
        filter.tenant = try call.query.one("tenant")
        if let tenant = filter.tenant, !caller.sees(tenant: tenant) {
            throw Problem(.forbidden, "The key is for another tenant.")
        }
        return filter
    }
}
