package import MailModel

extension Statistics {
    /// Answers a question.
    ///
    /// - Parameters:
    ///   - question: What is asked.
    ///   - span: The time it is about.
    ///   - now: Where the windows of a reputation end.
    ///   - page: Which of the rows are wanted.
    /// - Returns: The answer.
    /// - Throws: Why there is none.
    package func answer(
        _ question: StatisticsQuestion, span: Span = Span(), now: EventTime, page: Page = .all
    ) throws(AnswerError) -> StatisticsAnswer {
        switch question {
        case .campaigns(let tenant, let domain):
            guard domain == nil || span.isEverything else {
                throw .totalsOnly("A campaign's domains")
            }
            return .rows(
                SubjectList.campaigns(
                    self, span, tenant: tenant, domain: domain?.asciiLowercased(), page))
        case .campaign(let name, let tenant):
            return try card(try campaign(name, tenant: tenant), span)
        case .campaignHistory(let name, let tenant, let resolution):
            let key = try campaign(name, tenant: tenant)
            return .rows(SubjectList.history([key], self, span, by: resolution, page))
        case .comparison(let names, let tenant):
            return try comparison(names, tenant: tenant, span)
        case .export(let name, let tenant, let resolution):
            let keys = campaignKeys(name: name, tenant: tenant)
            if keys.isEmpty { throw .noCampaign(name ?? "") }
            return .rows(SubjectList.history(keys, self, span, by: resolution, page))
        case .clients(let tenant):
            return .rows(SubjectList.clients(self, span, only: tenant, page))
        case .receivers(let kind): return .rows(SubjectList.receivers(kind, self, span, page))
        case .subject(let kind, let name): return try card(try subject(kind, name), span)
        case .history(let kind, let name, let resolution):
            let key = try subject(kind, name)
            return .rows(SubjectList.history([key], self, span, by: resolution, page))
        case .reputation(let kind, let source, let provider):
            return try reputation(kind, source, provider, now: now, page)
        case .delivery(let scope, let resolution):
            let key = try subject(scope)
            return .rows(SubjectList.history([key], self, span, by: resolution, page))
        case .bounces(let scope):
            let listing = SubjectCard.classes(try detail(scope, span))
            return .rows(listing.page(page), total: listing.rows.count)
        case .domains(let scope): return try parts(.domain, scope, span, page)
        case .providers(let scope): return try parts(.provider, scope, span, page)
        case .latency(let scope): return .latency(try detail(scope, span).latency)
        }
    }

    // MARK: Subjects

    /// The campaign of that name.
    private func campaign(
        _ name: String, tenant: String?
    ) throws(AnswerError) -> SubjectKey {
        let keys = campaignKeys(name: name, tenant: tenant)
        guard let key = keys.first else { throw .noCampaign(name) }
        guard keys.count == 1 else {
            throw .severalCampaigns(name, tenants: keys.map(\.tenant))
        }
        return key
    }

    private func subject(
        _ kind: SubjectKind, _ name: String
    ) throws(AnswerError) -> SubjectKey {
        let key = SubjectKey(kind: kind, name: kind.isHost ? name.asciiLowercased() : name)
        guard has(key) else { throw .nothingCounted(kind, name) }
        return key
    }

    /// The subject that the scope names.
    private func subject(_ scope: AnalyticsScope) throws(AnswerError) -> SubjectKey {
        if let campaign = scope.campaign {
            return try self.campaign(campaign, tenant: scope.tenant)
        }
        if let tenant = scope.tenant { return try subject(.tenant, tenant) }
        if let domain = scope.domain { return try subject(.domain, domain) }
        return SubjectKey(kind: .server, name: "")
    }

    // MARK: Answers

    private func card(_ key: SubjectKey, _ span: Span) throws(AnswerError) -> StatisticsAnswer {
        guard let card = SubjectCard(key, self, span) else {
            throw .nothingCounted(key.kind, key.name)
        }
        return .card(card)
    }

    private func comparison(
        _ names: [String], tenant: String?, _ span: Span
    ) throws(AnswerError) -> StatisticsAnswer {
        var columns: [(name: String, values: [SubjectColumns.Named])] = []
        for name in names {
            let key = try campaign(name, tenant: tenant)
            let counters = counters(key, since: span.since, until: span.until)
            let detail = detail(key, since: span.since, until: span.until)
            columns.append(
                (
                    name,
                    SubjectColumns.all(counters)
                        + SubjectColumns.all(detail?.latency ?? LatencyHistogram())
                ))
        }
        return .comparison(columns)
    }

    private func reputation(
        _ kind: SubjectKind, _ source: String?, _ provider: String?, now: EventTime, _ page: Page
    ) throws(AnswerError) -> StatisticsAnswer {
        if let source { _ = try subject(.source, source) }
        if let provider { _ = try subject(.provider, provider) }
        return .rows(
            SubjectList.reputation(
                kind, self, now: now, source: source, provider: provider?.asciiLowercased(), page))
    }

    /// What is told of failures and times in the span.
    private func detail(
        _ scope: AnalyticsScope, _ span: Span
    ) throws(AnswerError) -> OutcomeDetail {
        let key = try subject(scope)
        if let detail = detail(key, since: span.since, until: span.until) { return detail }
        guard has(key) else { return OutcomeDetail() }
        throw .totalsOnly("Bounce classes and times to delivery of a \(key.kind.name)")
    }

    /// Domains or providers: those of a client or campaign, else all there are.
    private func parts(
        _ kind: SubjectKind, _ scope: AnalyticsScope, _ span: Span, _ page: Page
    ) throws(AnswerError) -> StatisticsAnswer {
        let key = try subject(scope)
        guard key.kind == .tenant || key.kind == .campaign else {
            return .rows(SubjectList.receivers(kind, self, span, page))
        }
        guard span.isEverything else {
            throw .totalsOnly("\(kind.name.capitalizedASCII)s of a \(key.kind.name)")
        }
        let report = kind == .domain ? domains(of: key) : providers(of: key)
        let listing = SubjectCard.breakdown(report ?? BreakdownReport(), kind)
        return .rows(listing.page(page), total: listing.rows.count)
    }
}

extension StatisticsAnswer {
    fileprivate static func rows(_ rows: SubjectList.Rows) -> StatisticsAnswer {
        .rows(rows.listing, total: rows.total)
    }
}

extension String {
    /// The first letter as a capital.
    fileprivate var capitalizedASCII: String { prefix(1).uppercased() + dropFirst() }
}
