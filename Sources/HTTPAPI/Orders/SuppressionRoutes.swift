import HTTPTypes
import Hummingbird
import MailEvents
import MailModel
import MailProjections
import Orders
import SMTPProtocol

/// `/api/v1/suppressions`: the addresses to which nothing is sent.
///
/// Concurrency: value.
struct SuppressionRoutes: Sendable {
    var services: APIServices

    var routes: [Route] {
        [
            Route(.get, "/api/v1/suppressions", .role(.read)) { try await list($0) },
            Route(.post, "/api/v1/suppressions", .role(.operate)) { try await add($0) },
            Route(.delete, "/api/v1/suppressions/{address}", .role(.operate)) {
                try await remove($0)
            },
        ]
    }

    private func list(_ call: APICall) async throws -> Response {
        let giver = try call.knownCaller().giver
        let query = call.query
        try query.allow(["tenant", "domain", "address", "after", "limit"])
        var filter = OrderDesk.SuppressionFilter()
        filter.tenant = try query.one("tenant")
        if let text = try query.one("domain") {
            filter.domain = AddressText.domain(text)
            guard filter.domain != nil else {
                throw Problem.invalid("domain", "That is not a domain.")
            }
        }
        if let text = try query.one("address") {
            filter.mailbox = AddressText.mailbox(text)
            guard filter.mailbox != nil else {
                throw Problem.invalid("address", "That is not an address.")
            }
        }
        let after = try query.number("after", in: 0...UInt64.max) ?? 0
        let limit =
            try query.number("limit", in: 1...OrderLimits.suppressionsPerPage) ?? 1000
        let asked = filter
        let (entries, next) = try await ordering { () async throws(OrderError) in
            try await services.desk.suppressions(asked, after: after, limit: limit, for: giver)
        }
        return .json { writer in
            writer.beginObject()
            writer.beginArray("suppressions")
            for entry in entries { entry.write(to: &writer) }
            writer.endArray()
            if let next { writer.number(next, "next") }
            writer.endObject()
        }
    }

    private func add(_ call: APICall) async throws -> Response {
        switch call.mediaType {
        case "application/json": try await addOne(call)
        case "application/x-ndjson": try await addMany(call, .json)
        case "text/csv": try await addMany(call, .csv)
        default:
            throw Problem(
                .unsupportedMediaType,
                "Content-Type should be application/json, application/x-ndjson or text/csv.")
        }
    }

    private func addOne(_ call: APICall) async throws -> Response {
        let giver = try call.knownCaller().giver
        let notes = JSONObject.Notes()
        let object = try await OrderBody.object(call, services, notes)
        var draft = SuppressionLines.draft(object, tenant: "")
        if let expires = OrderBody.end(
            object, "expires", "duration_seconds", now: services.now())
        {
            draft?.expires = expires
        }
        let isDryRun = object.bool("dry_run") ?? false
        object.finish()
        try notes.check(.invalidOrder)
        guard let draft else { throw Problem(.invalidOrder, "The address is missing.") }
        let tally = try await ordering { () async throws(OrderError) in
            try await services.desk.suppress([draft], by: giver, isDryRun: isDryRun)
        }
        return .json { writer in
            writer.beginObject()
            writer.string(draft.address.text, "address")
            writer.bool(tally.added + tally.replaced > 0, "changed")
            writer.bool(isDryRun, "dry_run")
            if let sequence = tally.sequence { writer.number(sequence, "sequence") }
            writer.endObject()
        }
    }

    private func addMany(
        _ call: APICall, _ format: SuppressionLines.Format
    ) async throws -> Response {
        let giver = try call.knownCaller().giver
        try call.query.allow(["tenant", "dry_run"])
        var reading = SuppressionImport(
            desk: services.desk, giver: giver,
            isDryRun: try call.query.flag("dry_run") ?? false)
        try await reading.run(
            call.request,
            SuppressionLines(format, tenant: try call.query.one("tenant") ?? ""))
        let done = reading
        return .json { done.write(to: &$0) }
    }

    private func remove(_ call: APICall) async throws -> Response {
        let giver = try call.knownCaller().giver
        try call.query.allow(["tenant", "reason", "dry_run"])
        let text = call.parameters.first ?? ""
        let tenant = try call.query.one("tenant") ?? ""
        let reason = try call.query.one("reason") ?? ""
        let isDryRun = try call.query.flag("dry_run") ?? false
        guard let address = SuppressedAddress(text: text, tenant: tenant) else {
            throw Problem.invalid("address", "That is neither an address nor a domain.")
        }
        let result = try await ordering(isInBody: false) { () async throws(OrderError) in
            try await services.desk.unsuppress(
                address, reason: reason, by: giver, isDryRun: isDryRun)
        }
        return .json { writer in
            writer.beginObject()
            writer.string(address.text, "address")
            writer.bool(result.hasChanged, "changed")
            writer.bool(isDryRun, "dry_run")
            if let sequence = result.sequence { writer.number(sequence, "sequence") }
            writer.endObject()
        }
    }
}
