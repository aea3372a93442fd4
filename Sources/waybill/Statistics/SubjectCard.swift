import MailEvents
import MailModel
import MailProjections

/// Everything known of one subject: several small tables for people, one object for programs.
struct SubjectCard {
    private let key: SubjectKey
    private let report: SubjectReport
    private let counters: DeliveryCounters
    private let detail: OutcomeDetail?
    private let statistics: Statistics
    private let span: Span

    /// The card of a subject in a span; nil when there is no such subject.
    init?(_ key: SubjectKey, _ statistics: Statistics, _ span: Span) {
        guard let report = statistics.report(key) else { return nil }
        self.key = key
        self.report = report
        self.statistics = statistics
        self.span = span
        counters =
            span.isEverything
            ? report.counters : statistics.counters(key, since: span.since, until: span.until)
        detail = statistics.detail(key, since: span.since, until: span.until)
    }

    /// Each value with its name.
    private var values: [(title: String, key: String, cell: Cell)] {
        var values: [(title: String, key: String, cell: Cell)] = [
            (key.kind == .tenant ? "client" : key.kind.name, key.kind.name, SubjectList.name(key))
        ]
        if key.kind == .campaign { values.append(("tenant", "tenant", .text(key.tenant))) }
        values.append(("first event", "first", .time(report.first)))
        values.append(("last event", "last", .time(report.last)))
        values += SubjectColumns.all(counters)
        values += SubjectColumns.all(detail?.latency ?? LatencyHistogram())
        return values
    }

    /// The text in a format.
    func text(_ format: OutputFormat) -> String {
        switch format {
        case .table: return table
        case .csv:
            var listing = Listing(values.map { Listing.Column($0.title, $0.key) })
            listing.add(values.map(\.cell))
            return listing.text(.csv)
        case .json, .ndjson:
            var writer = JSONWriter()
            write(to: &writer)
            return writer.text + "\n"
        }
    }

    // MARK: For people

    private var table: String {
        var text = ""
        let width = (values.map(\.title.count).max() ?? 0) + 2
        for value in values where value.cell != .number(0) || value.key != "rejections" {
            let padding = String(repeating: " ", count: width - value.title.count)
            text += value.title + padding + value.cell.words + "\n"
        }
        if !span.isEverything {
            text += "\nFirst and last event, domains, providers and replies are of all time.\n"
            if detail == nil {
                text +=
                    "Classes and times to delivery of a \(key.kind.name) are kept in total only.\n"
            }
        }
        let (resolution, periods) = activity
        if !periods.isEmpty {
            text += "\nRecipients and attempts by \(resolution.rawValue)\n"
            text += Shape.sparkline(periods) + "\n"
        }
        for section in sections where !section.listing.rows.isEmpty {
            text += "\n\(section.title)\n" + section.listing.text(.table)
        }
        return text
    }

    /// What happened by period, gaps as zero, at the finest resolution that fits a line.
    private var activity: (Resolution, [Int]) {
        let first = span.since.map { max($0, report.first) } ?? report.first
        let seconds = (report.last.microseconds - first.microseconds) / 1_000_000
        let resolution: Resolution =
            seconds < 2 * 3600 ? .minute : seconds < 96 * 3600 ? .hour : .day
        let periods = statistics.periods(
            key, resolution, since: span.since, until: span.until)
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

    private var sections: [(title: String, key: String, listing: Listing)] {
        var sections: [(title: String, key: String, listing: Listing)] = []
        if let detail { sections.append(("By bounce class", "classes", Self.classes(detail))) }
        if key.kind.hasDomains, let domains = statistics.domains(of: key) {
            sections.append(("By domain", "domains", Self.breakdown(domains, "DOMAIN", "domain")))
        }
        if key.kind.hasProviders, let providers = statistics.providers(of: key) {
            sections.append(
                ("By provider", "providers", Self.breakdown(providers, "PROVIDER", "provider")))
        }
        sections.append(("Replies of failed attempts", "replies", replies))
        return sections
    }

    /// Bounce classes with at least one failure or deferral, the most failures first.
    static func classes(_ detail: OutcomeDetail) -> Listing {
        var listing = Listing([
            .init("CLASS", "class"), .init(">FAILED", "failed"), .init(">DEFERRALS", "deferrals"),
            .shape("SHARE"),
        ])
        let classes = BounceClass.allCases.sorted {
            (detail.failures[$0], detail.deferrals[$0])
                > (detail.failures[$1], detail.deferrals[$1])
        }
        for bounceClass in classes {
            let (failed, deferred) = (detail.failures[bounceClass], detail.deferrals[bounceClass])
            guard failed + deferred > 0 else { continue }
            listing.add([
                .text(bounceClass == .none ? "unclassified" : bounceClass.name), .number(failed),
                .number(deferred), .shape(Shape.bar(failed, of: detail.failures.total)),
            ])
        }
        return listing
    }

    /// A breakdown, the others last.
    static func breakdown(_ report: BreakdownReport, _ title: String, _ key: String) -> Listing {
        // Recipients are queued for a domain; which provider takes them is known with the attempt.
        let hasRecipients = key == "domain"
        var listing = Listing(
            [.init(title, key)] + (hasRecipients ? [.init(">RECIPIENTS", "recipients")] : [])
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

    private var replies: Listing {
        var listing = Listing([
            .init(">COUNT", "count"), .init(">ERROR", "error"), .init("REPLY", "reply"),
        ])
        for reply in statistics.replies(of: key) {
            listing.add([.number(reply.count), .number(reply.error), .text(reply.text)])
        }
        return listing
    }

    // MARK: For programs

    private func write(to writer: inout JSONWriter) {
        writer.beginObject()
        for value in values { value.cell.write(value.key, to: &writer) }
        for section in sections { section.listing.write(section.key, to: &writer) }
        writer.endObject()
    }
}
