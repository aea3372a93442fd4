import MailModel
import MailProjections

/// A question about statistics as a request puts it.
///
/// Concurrency: value.
struct StatisticsCall: Sendable {
    /// What a route takes beside its own parameters.
    struct Parts: OptionSet, Sendable {
        let rawValue: Int

        /// `since` and `until`.
        static let span = Parts(rawValue: 1)
        /// `limit`, `offset` and `format`.
        static let page = Parts(rawValue: 2)

        /// The names of the parameters.
        var names: Set<String> {
            var names: Set<String> = []
            if contains(.span) { names.formUnion(["since", "until"]) }
            if contains(.page) { names.formUnion(["limit", "offset", "format"]) }
            return names
        }
    }

    var call: APICall
    var caller: Caller

    /// The one parameter of the path.
    var name: String { call.parameters.first ?? "" }

    /// A parameter of the query.
    func one(_ name: String) throws(Problem) -> String? { try call.query.one(name) }

    // MARK: Whose

    /// The tenant asked for; with a tenant's key always that one.
    func tenant() throws(Problem) -> String? {
        let asked = try one("tenant")
        guard !caller.seesAll else { return asked }
        if let asked, !caller.sees(tenant: asked) {
            throw Problem(.forbidden, "The key is for another tenant.")
        }
        return caller.tenant
    }

    /// The client that the path names; `-` stands for mail that names none. Another client than the
    /// key's is answered as one of which nothing is counted.
    func client() throws(Problem) -> String {
        let client = name == "-" ? "" : name
        guard caller.sees(tenant: client) else {
            throw Problem(AnswerError.nothingCounted(.tenant, client), seesAll: false)
        }
        return client
    }

    /// Throws 403 for a tenant's key.
    func requireAll() throws(Problem) {
        guard caller.seesAll else {
            throw Problem(.forbidden, "This is counted over all tenants, and the key is for one.")
        }
    }

    /// What an analysis is about.
    func scope() throws(Problem) -> AnalyticsScope {
        let scope = AnalyticsScope(
            tenant: try tenant(), campaign: try one("campaign"), domain: try one("domain"))
        guard scope.domain != nil else { return scope }
        try requireAll()
        guard scope.tenant == nil, scope.campaign == nil else {
            throw .invalid(
                "domain", "A domain is counted over all clients: leave tenant and campaign out.")
        }
        return scope
    }

    // MARK: What

    /// The campaign of the path and those that it is compared with.
    func compared() throws(Problem) -> [String] {
        let others = call.query.all("with")
        guard (1...APILimits.comparedCampaigns).contains(others.count) else {
            throw .invalid(
                "with", "Name 1 to \(APILimits.comparedCampaigns) campaigns to compare with.")
        }
        return [name] + others
    }

    /// How a history is divided.
    func resolution() throws(Problem) -> Resolution {
        guard let text = try one("by") else { return .hour }
        guard let resolution = Resolution(rawValue: text) else {
            throw .invalid("by", "The parameter by is minute, hour or day.")
        }
        return resolution
    }

    /// How rows are written.
    func format() throws(Problem) -> RowFormat {
        guard let text = try one("format") else { return .json }
        guard let format = RowFormat(rawValue: text) else {
            throw .invalid("format", "The parameter format is json, ndjson or csv.")
        }
        return format
    }

    /// Which rows.
    func page() throws(Problem) -> Page {
        Page(
            offset: try call.query.number("offset", in: 0...Int(Int32.max)) ?? 0,
            limit: try call.query.number("limit", in: 1...APILimits.rows)
                ?? APILimits.rowsUnlessAsked)
    }

    // MARK: When

    /// The point of the log asked for; nil: now.
    func point() throws(Problem) -> LogPoint? { try call.query.point("at") }

    /// The span asked for, before it is known which instant is now.
    func span() throws(Problem) -> AskedSpan {
        AskedSpan(since: try call.query.time("since"), until: try call.query.time("until"))
    }
}

/// How rows are written.
enum RowFormat: String, Sendable {
    /// An object with the rows, how many there are in all, and as of when.
    case json
    /// The rows alone, an object a line.
    case ndjson
    /// The rows alone, with a line of names (RFC 4180).
    case csv

    /// The media type.
    var type: String {
        switch self {
        case .json: "application/json"
        case .ndjson: "application/x-ndjson"
        case .csv: "text/csv"
        }
    }
}

/// A span of time whose ends may count back from now.
///
/// Concurrency: value.
struct AskedSpan: Sendable {
    var since: TimePoint?
    var until: TimePoint?

    /// The span, given which instant is now. One that ends before it begins has nothing in it.
    func span(now: EventTime) -> Span {
        Span(since: since?.time(now: now), until: until?.time(now: now))
    }
}

extension Problem {
    /// Why a question has no answer; names of other tenants only to those who see them.
    init(_ error: AnswerError, seesAll: Bool) {
        switch error {
        case .noCampaign(let name):
            self.init(.notFound, "There is no campaign \"\(name)\".")
        case .nothingCounted(let kind, let name):
            self.init(.notFound, "Nothing is counted of the \(kind.name) \"\(name)\".")
        case .totalsOnly(let what):
            self = .invalid("since", "\(what) are kept in total only: leave since and until out.")
        case .severalCampaigns(let name, let tenants):
            let names = seesAll ? ": " + tenants.joined(separator: ", ") : ""
            self = .invalid(
                "tenant", "Several tenants have a campaign \"\(name)\"; name one\(names).")
        }
    }
}
