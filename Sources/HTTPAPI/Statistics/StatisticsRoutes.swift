import EventLog
import HTTPTypes
import Hummingbird
import MailEvents
import MailModel
import MailProjections

/// What is counted of campaigns, clients, domains, providers and source addresses: the questions of
/// the command line, with the same names and the same numbers.
///
/// What is counted over all tenants (source addresses, single providers and domains) is for keys
/// without a tenant; of domains and providers a tenant's key sees its own share.
///
/// Concurrency: value.
struct StatisticsRoutes: Sendable {
    var services: APIServices

    private typealias Question =
        @Sendable (StatisticsCall) throws(Problem) -> StatisticsQuestion

    var routes: [Route] {
        campaigns + clients + receivers + reputation + analytics
    }

    private var campaigns: [Route] {
        [
            route("/api/v1/campaigns", [.span, .page], ["tenant", "domain"]) {
                call throws(Problem) in
                .campaigns(tenant: try call.tenant(), domain: try call.one("domain"))
            },
            route("/api/v1/campaigns/{name}", [.span], ["tenant"]) { call throws(Problem) in
                .campaign(call.name, tenant: try call.tenant())
            },
            route("/api/v1/campaigns/{name}/history", [.span, .page], ["tenant", "by"]) {
                call throws(Problem) in
                .campaignHistory(call.name, tenant: try call.tenant(), by: try call.resolution())
            },
            route("/api/v1/campaigns/{name}/compare", [.span], ["tenant", "with"]) {
                call throws(Problem) in
                .comparison(try call.compared(), tenant: try call.tenant())
            },
        ]
    }

    private var clients: [Route] {
        [
            route("/api/v1/clients", [.span, .page]) { call throws(Problem) in
                .clients(only: try call.tenant())
            },
            route("/api/v1/clients/{name}", [.span]) { call throws(Problem) in
                .subject(.tenant, try call.client())
            },
            route("/api/v1/clients/{name}/history", [.span, .page], ["by"]) {
                call throws(Problem) in
                .history(.tenant, try call.client(), by: try call.resolution())
            },
        ]
    }

    private var receivers: [Route] {
        [
            route("/api/v1/domains", [.span, .page], ["tenant"]) { call throws(Problem) in
                .domains(AnalyticsScope(tenant: try call.tenant()))
            },
            route("/api/v1/domains/{name}", [.span]) { call throws(Problem) in
                try call.requireAll()
                return .subject(.domain, call.name)
            },
            route("/api/v1/providers", [.span, .page], ["tenant"]) { call throws(Problem) in
                .providers(AnalyticsScope(tenant: try call.tenant()))
            },
            route("/api/v1/providers/{name}", [.span]) { call throws(Problem) in
                try call.requireAll()
                return .subject(.provider, call.name)
            },
            route("/api/v1/sources", [.span, .page]) { call throws(Problem) in
                try call.requireAll()
                return .receivers(.source)
            },
            route("/api/v1/sources/{name}", [.span]) { call throws(Problem) in
                try call.requireAll()
                return .subject(.source, call.name)
            },
        ]
    }

    private var reputation: [Route] {
        [
            route("/api/v1/reputation/sources", [.page], ["source", "provider", "by_provider"]) {
                call throws(Problem) in
                try call.requireAll()
                let provider = try call.one("provider")
                let isByProvider = try call.call.query.flag("by_provider") ?? (provider != nil)
                return .reputation(
                    isByProvider || provider != nil ? .route : .source,
                    source: try call.one("source"), provider: provider)
            },
            route("/api/v1/reputation/providers", [.page], ["provider"]) { call throws(Problem) in
                try call.requireAll()
                return .reputation(.provider, source: nil, provider: try call.one("provider"))
            },
        ]
    }

    private var analytics: [Route] {
        let filters: Set = ["tenant", "campaign", "domain"]
        return [
            route("/api/v1/analytics/delivery", [.span, .page], filters.union(["by"])) {
                call throws(Problem) in
                .delivery(try call.scope(), by: try call.resolution())
            },
            route("/api/v1/analytics/bounces", [.span, .page], filters) { call throws(Problem) in
                .bounces(try call.scope())
            },
            route("/api/v1/analytics/domains", [.span, .page], filters) { call throws(Problem) in
                .domains(try call.scope())
            },
            route("/api/v1/analytics/providers", [.span, .page], filters) { call throws(Problem) in
                .providers(try call.scope())
            },
            route(
                "/api/v1/analytics/campaigns", [.span, .page], ["tenant", "campaign", "by"]
            ) { call throws(Problem) in
                .export(
                    campaign: try call.one("campaign"), tenant: try call.tenant(),
                    by: try call.resolution())
            },
            route("/api/v1/analytics/latency", [.span], filters) { call throws(Problem) in
                .latency(try call.scope())
            },
        ]
    }

    // MARK: Answering

    private func route(
        _ path: PathPattern, _ parts: StatisticsCall.Parts, _ names: Set<String> = [],
        _ question: @escaping Question
    ) -> Route {
        Route(.get, path, .role(.read)) { call in
            try call.query.allow(parts.names.union(names).union(["at"]))
            let asked = StatisticsCall(call: call, caller: try call.knownCaller())
            return try await answer(try question(asked), asked)
        }
    }

    private func answer(
        _ question: StatisticsQuestion, _ call: StatisticsCall
    ) async throws -> Response {
        let point = try call.point()
        let page = try call.page()
        let span = try call.span()
        let format = try call.format()
        let clock = services.now()
        let bytes = try await services.asking(at: point, need: question.need) { statistics in
            // What lies before the last event that is counted has an end there.
            let now = point == nil ? max(clock, statistics.time) : statistics.time
            do throws(AnswerError) {
                let answer = try statistics.answer(
                    question, span: span.span(now: now), now: now, page: page)
                return Self.bytes(answer, statistics, format)
            } catch {
                throw Problem(error, seesAll: call.caller.seesAll)
            }
        }
        return .octets(bytes, type: format.type)
    }

    /// In JSON, `sequence` and `as_of` say which events are in the answer.
    private static func bytes(
        _ answer: StatisticsAnswer, _ statistics: Statistics, _ format: RowFormat
    ) -> [UInt8] {
        if let (rows, _) = answer.listing, format != .json {
            return Array((format == .csv ? rows.csv : rows.ndjson).utf8)
        }
        var writer = JSONWriter()
        writer.beginObject()
        writer.number(statistics.lastSequence, "sequence")
        writer.time(statistics.time, "as_of")
        if case .card(let card) = answer {
            card.writeMembers(to: &writer)
        } else if let (rows, total) = answer.listing {
            writer.number(total, "total")
            rows.write("items", to: &writer)
        }
        writer.endObject()
        return writer.bytes
    }
}

extension APIServices {
    /// Reads statistics: the live ones, or those as of a point of the log, which have what is needed.
    ///
    /// - Throws: ``Problem``: 503 while the live ones are not there yet, or too many ask for the past.
    func asking<Value: Sendable>(
        at point: LogPoint?, need: StatisticsNeed,
        _ body: @escaping @Sendable (Statistics) throws -> Value
    ) async throws -> Value {
        let state = state
        guard let point else {
            let value = try await reading { _ in try state.readStatistics(body) }
            guard let value else {
                throw Problem(.notReady, "The statistics are still being brought up to date.")
            }
            return value
        }
        let clock = now()
        let sequence = try await reading { log in
            min(try log.sequence(of: point, now: clock), try log.lastSequence())
        }
        do {
            return try await past.read(through: sequence, need, body)
        } catch let error as CancellationError {
            throw error
        } catch {
            throw Problem(reading: error)
        }
    }
}
