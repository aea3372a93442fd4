import MailModel

extension StatisticsQuestion {
    /// What has to be known to answer it.
    package var need: StatisticsNeed {
        switch self {
        case .campaigns(_, let domain):
            StatisticsNeed([.campaign], breakdowns: domain == nil ? .none : .all)
        case .campaign(let name, _): StatisticsNeed([.campaign], breakdowns: .of(name))
        case .campaignHistory, .comparison, .export: StatisticsNeed([.campaign])
        case .clients: StatisticsNeed([.tenant])
        case .receivers(let kind): StatisticsNeed([kind])
        case .subject(let kind, let name):
            StatisticsNeed([kind], breakdowns: .of(kind.isHost ? name.asciiLowercased() : name))
        case .history(let kind, _, _): StatisticsNeed([kind])
        case .reputation(let kind, let source, let provider):
            StatisticsNeed(
                [kind] + (source == nil ? [] : [.source]) + (provider == nil ? [] : [.provider]))
        case .delivery(let scope, _), .bounces(let scope), .latency(let scope):
            StatisticsNeed([scope.kind])
        case .domains(let scope): scope.need(.domain)
        case .providers(let scope): scope.need(.provider)
        }
    }
}

extension AnalyticsScope {
    /// What subject it names.
    fileprivate var kind: SubjectKind {
        campaign != nil ? .campaign : tenant != nil ? .tenant : domain != nil ? .domain : .server
    }

    /// For its domains or providers: its breakdown, or the subjects of that kind.
    fileprivate func need(_ parts: SubjectKind) -> StatisticsNeed {
        switch kind {
        case .campaign, .tenant:
            StatisticsNeed([kind], breakdowns: .of(campaign ?? tenant ?? ""))
        default: StatisticsNeed([kind, parts])
        }
    }
}
