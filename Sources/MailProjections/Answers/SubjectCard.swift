package import MailEvents
import MailModel

/// Everything known of one subject: named values and several listings.
///
/// Concurrency: value.
package struct SubjectCard: Sendable {
    /// A listing with its title for people and its name for programs.
    package struct Section: Sendable {
        package var title: String
        package var key: String
        package var listing: Listing
    }

    package let key: SubjectKey
    package let span: Span
    /// Each value with its name.
    package let values: [SubjectColumns.Named]
    /// By class, domain, provider and reply, as far as the kind has them.
    package let sections: [Section]
    /// False when bounce classes and times to delivery cannot be had of the span.
    package let hasDetail: Bool
    /// What happened by period, gaps as zero, at the finest resolution that fits a line.
    package let activity: (resolution: Resolution, values: [Int])

    /// The card of a subject in a span; nil when there is no such subject.
    init?(_ key: SubjectKey, _ statistics: Statistics, _ span: Span) {
        guard let report = statistics.report(key) else { return nil }
        self.key = key
        self.span = span
        let counters =
            span.isEverything
            ? report.counters : statistics.counters(key, since: span.since, until: span.until)
        let detail =
            span.isEverything
            ? report.detail : statistics.detail(key, since: span.since, until: span.until)
        hasDetail = detail != nil
        values = Self.values(report, counters, detail)
        sections = Self.sections(key, statistics, detail)
        activity = Self.activity(report, statistics, span)
    }

    private static func values(
        _ report: SubjectReport, _ counters: DeliveryCounters, _ detail: OutcomeDetail?
    ) -> [SubjectColumns.Named] {
        let key = report.key
        var values: [SubjectColumns.Named] = [
            (key.kind == .tenant ? "client" : key.kind.name, key.kind.name, SubjectList.name(key))
        ]
        if key.kind == .campaign { values.append(("tenant", "tenant", .text(key.tenant))) }
        values.append(("first event", "first", .time(report.first)))
        values.append(("last event", "last", .time(report.last)))
        values += SubjectColumns.all(counters)
        values += SubjectColumns.all(detail?.latency ?? LatencyHistogram())
        return values
    }

    private static func activity(
        _ report: SubjectReport, _ statistics: Statistics, _ span: Span
    ) -> (Resolution, [Int]) {
        let first = span.since.map { max($0, report.first) } ?? report.first
        let seconds = (report.last.microseconds &- first.microseconds) / 1_000_000
        let resolution: Resolution =
            seconds < 2 * 3600 ? .minute : seconds < 96 * 3600 ? .hour : .day
        let periods = statistics.periods(
            report.key, resolution, since: span.since, until: span.until)
        guard let start = periods.first?.start, let end = periods.last?.start else {
            return (resolution, [])
        }
        let length = Int64(resolution.minutes) * 60_000_000
        var values = [Int](
            repeating: 0, count: Int((end.microseconds - start.microseconds) / length) + 1)
        for period in periods {
            let index = Int((period.start.microseconds - start.microseconds) / length)
            values[index] = max(period.counters.queued, period.counters.attempts)
        }
        return (resolution, values)
    }

    private static func sections(
        _ key: SubjectKey, _ statistics: Statistics, _ detail: OutcomeDetail?
    ) -> [Section] {
        var sections: [Section] = []
        if let detail {
            sections.append(
                Section(title: "By bounce class", key: "classes", listing: classes(detail)))
        }
        if key.kind.hasDomains, let domains = statistics.domains(of: key) {
            sections.append(
                Section(title: "By domain", key: "domains", listing: breakdown(domains, .domain)))
        }
        if key.kind.hasProviders, let providers = statistics.providers(of: key) {
            sections.append(
                Section(
                    title: "By provider", key: "providers",
                    listing: breakdown(providers, .provider)))
        }
        if key.kind.hasReplies {
            sections.append(
                Section(
                    title: "Replies of failed attempts", key: "replies",
                    listing: replies(statistics.replies(of: key))))
        }
        return sections
    }

    /// Bounce classes with at least one failure or deferral, the most failures first.
    static func classes(_ detail: OutcomeDetail) -> Listing {
        var listing = Listing([
            .init("CLASS", "class"), .init(">FAILED", "failed"), .init(">DEFERRALS", "deferrals"),
            .init(">LATE", "late_bounces"), .shape("SHARE"),
        ])
        let classes = BounceClass.allCases.sorted {
            (detail.failures[$0], detail.deferrals[$0], detail.returns[$0])
                > (detail.failures[$1], detail.deferrals[$1], detail.returns[$1])
        }
        for bounceClass in classes {
            let (failed, deferred) = (detail.failures[bounceClass], detail.deferrals[bounceClass])
            let late = detail.returns[bounceClass]
            guard failed + deferred + late > 0 else { continue }
            listing.add([
                .text(bounceClass == .none ? "unclassified" : bounceClass.name), .number(failed),
                .number(deferred), .number(late),
                .share(failed, of: detail.failures.total, width: 20),
            ])
        }
        return listing
    }

    /// A breakdown by domain or provider, the others last.
    static func breakdown(_ report: BreakdownReport, _ kind: SubjectKind) -> Listing {
        // Recipients are queued for a domain; which provider takes them is known with the attempt.
        let hasRecipients = kind == .domain
        var listing = Listing(
            [.init(kind.name.uppercased(), kind.name)]
                + (hasRecipients ? [.init(">RECIPIENTS", "recipients")] : [])
                + SubjectColumns.outcomes)
        func add(_ name: String, _ counters: DeliveryCounters) {
            listing.add(
                [.text(name)] + (hasRecipients ? [.number(counters.queued)] : [])
                    + SubjectColumns.outcomes(counters))
        }
        for entry in report.entries { add(entry.name, entry.counters) }
        if !report.others.isZero { add("(others)", report.others) }
        return listing
    }

    private static func replies(_ replies: [ReplyReport]) -> Listing {
        var listing = Listing([
            .init(">COUNT", "count"), .init(">ERROR", "error"), .init("REPLY", "reply"),
        ])
        for reply in replies {
            listing.add([.number(reply.count), .number(reply.error), .text(reply.text)])
        }
        return listing
    }

    /// Writes the members of its JSON object, without the braces.
    package func writeMembers(to writer: inout JSONWriter) {
        for value in values { value.cell.write(value.key, to: &writer) }
        for section in sections { section.listing.write(section.key, to: &writer) }
    }
}
