import EventLog
import MailEvents
import MailModel
import Projections
import Testing
import WaybillTesting

@testable import MailProjections

/// Streams of different tempers: dense, spread over months, and odd.
private func stream(_ seed: UInt64, count: Int) -> [RecordedEvent] {
    if seed % 3 == 2 {
        var odd = OddStream(seed: seed)
        return odd.events(count)
    }
    var generator = EventGenerator(seed: seed)
    let events = generator.events(count)
    return seed % 3 == 0 ? events : events.stretched(20_000_000)
}

/// An acceptance of one message each.
private func received(_ campaigns: [String]) -> [RecordedEvent] {
    campaigns.enumerated().map { index, campaign in
        RecordedEvent(
            sequence: UInt64(index + 1), epoch: 1,
            event: Event(
                time: EventTime(microseconds: 1_790_000_000_000_000 + Int64(index)),
                fact: .received(
                    MessageReceived(
                        reversePath: .null, sizeOctets: 10,
                        contentSHA256: [UInt8](repeating: 0, count: 32), recipientCount: 0,
                        tenant: "t", campaign: campaign,
                        session: IngressSession(
                            listener: "l", serverName: "s", transmissionType: .local)))))
    }
}

/// Every question there is about some of the subjects that there are, and about one that is not.
private func questions(_ statistics: Statistics) -> [StatisticsQuestion] {
    func keys(_ kind: SubjectKind) -> [SubjectKey] {
        let all = statistics.reports(kind).map(\.key)
        return [all.first, all.last, SubjectKey(kind: kind, tenant: "no", name: "such")]
            .compactMap { $0 }
    }
    var questions: [StatisticsQuestion] = [
        .campaigns(tenant: nil, domain: nil), .clients(only: nil),
        .export(campaign: nil, tenant: nil, by: .hour),
    ]
    var scopes = [AnalyticsScope()]
    for key in keys(.campaign) {
        questions += [
            .campaign(key.name, tenant: nil), .campaign(key.name, tenant: key.tenant),
            .campaigns(tenant: key.tenant, domain: nil),
            .campaignHistory(key.name, tenant: key.tenant, by: .minute),
            .comparison([key.name, key.name], tenant: key.tenant),
            .export(campaign: key.name, tenant: key.tenant, by: .day),
        ]
        scopes.append(AnalyticsScope(tenant: key.tenant, campaign: key.name))
    }
    for key in keys(.domain) { questions.append(.campaigns(tenant: nil, domain: key.name)) }
    for key in keys(.tenant) {
        questions.append(.clients(only: key.name))
        scopes.append(AnalyticsScope(tenant: key.name))
    }
    scopes += keys(.domain).map { AnalyticsScope(domain: $0.name) }
    for kind in [SubjectKind.tenant, .domain, .provider, .source] {
        questions.append(.receivers(kind))
        for key in keys(kind) {
            questions += [.subject(kind, key.name), .history(kind, key.name, by: .hour)]
        }
    }
    for key in keys(.route) {
        questions += [
            .reputation(.route, source: nil, provider: nil),
            .reputation(.route, source: key.tenant, provider: key.name),
            .reputation(.source, source: key.tenant, provider: nil),
            .reputation(.provider, source: nil, provider: key.name),
        ]
    }
    for scope in scopes {
        questions += [
            .delivery(scope, by: .hour), .bounces(scope), .domains(scope), .providers(scope),
            .latency(scope),
        ]
    }
    return questions
}

/// What an answer says, or why there is none.
private func said(
    _ question: StatisticsQuestion, _ statistics: Statistics, _ span: Span, _ now: EventTime
) -> String {
    do throws(AnswerError) {
        return String(describing: try statistics.answer(question, span: span, now: now))
    } catch {
        return "no answer: \(error)"
    }
}

@Suite("What a question needs of the statistics")
struct StatisticsNeedTests {
    private func expectEqual(
        _ question: StatisticsQuestion, _ part: Statistics, _ whole: Statistics
    ) {
        let now = whole.time
        #expect(part.time == now && part.lastSequence == whole.lastSequence)
        for span in [Span(), Span(since: now.adding(seconds: -86_400 * 2))] {
            #expect(
                said(question, part, span, now) == said(question, whole, span, now),
                "\(question)")
        }
    }

    @Test(
        "Every answer is that of the whole, from the first event and from a state that was kept",
        arguments: 0..<6 as Range<UInt64>)
    func answers(seed: UInt64) throws {
        let events = stream(seed, count: 2000)
        let batches = stride(from: 0, to: events.count, by: 130).map {
            storedBatch(events[$0..<min($0 + 130, events.count)])
        }
        var whole = Statistics()
        for batch in batches[..<9] { try whole.apply(batch) }
        var rows: [ProjectionRow] = []
        whole.forEachRow { rows.append($0) }
        for batch in batches[9...] { try whole.apply(batch) }
        var parts: [StatisticsNeed: [Statistics]] = [:]
        let questions = questions(whole)
        #expect(questions.count > 80)
        for question in questions {
            if parts[question.need] == nil {
                var (replayed, loaded) = (Statistics(question.need), Statistics(question.need))
                for row in rows {
                    let isTaken = loaded.load(row)
                    #expect(isTaken)
                }
                for batch in batches { try replayed.apply(batch) }
                for batch in batches[9...] { try loaded.apply(batch) }
                parts[question.need] = [replayed, loaded]
            }
            for part in parts[question.need] ?? [] { expectEqual(question, part, whole) }
        }
        #expect(parts.count > 15)
    }

    @Test("Beyond the limit of a kind the same subjects are counted together")
    func overflow() throws {
        let names = (0..<Limits.campaignsMaximum + 200).map { "c\($0 * 7919 % 1_000_003)" }
        let events = received(names + names.suffix(300))
        let question = StatisticsQuestion.campaigns(tenant: nil, domain: nil)
        var (whole, part) = (Statistics(), Statistics(question.need))
        for start in stride(from: 0, to: events.count, by: 5000) {
            let batch = storedBatch(events[start..<min(start + 5000, events.count)])
            try whole.apply(batch)
            try part.apply(batch)
        }
        #expect(whole.reports(.campaign).contains { $0.key.isOverflow })
        #expect(part.reports(.campaign) == whole.reports(.campaign))
    }

    @Test("What is not needed is not there")
    func rest() throws {
        var generator = EventGenerator(seed: 4)
        var part = Statistics(StatisticsNeed([.campaign], breakdowns: .none))
        try part.apply(storedBatch(generator.events(2000)[...]))
        for kind in SubjectKind.allCases {
            #expect(part.reports(kind).isEmpty == (kind != .campaign))
        }
        for report in part.reports(.campaign) {
            #expect(part.domains(of: report.key) == BreakdownReport())
            #expect(part.replies(of: report.key).isEmpty)
        }
    }

    @Test("A need covers what asks for less, and a union covers both")
    func covering() {
        let needs = [
            StatisticsNeed([.campaign]), StatisticsNeed([.campaign, .tenant]),
            StatisticsNeed([.campaign], breakdowns: .of("a")),
            StatisticsNeed([.campaign], breakdowns: .of("b")),
            StatisticsNeed([.provider], breakdowns: .all), .everything,
        ]
        for one in needs {
            #expect(one.covers(one) && StatisticsNeed.everything.covers(one))
            for other in needs {
                #expect(one.union(other).covers(one) && one.union(other).covers(other))
                #expect(one.union(other) == other.union(one))
                #expect(one.overlaps(other) == other.overlaps(one))
            }
        }
        #expect(needs[1].covers(needs[0]) && !needs[0].covers(needs[1]))
        #expect(needs[2].covers(needs[0]) && !needs[0].covers(needs[2]))
        #expect(!needs[2].covers(needs[3]) && needs[2].union(needs[3]) != .everything)
        #expect(!needs[0].overlaps(needs[4]) && needs[0].overlaps(needs[1]))
    }

    @Test("As of any event of a log, from the nearest snapshot, the file or nothing")
    func asOf() async throws {
        let site = try HistorySite(seed: 12)
        try await site.write(3000)
        let host = HostedProjection<Statistics>(
            directory: site.projections, log: site.log.reader,
            options: HostOptions(splitter: MailBatchSplitter()))
        _ = try host.open()
        try site.log.reader.forEachBatch(through: 2600) { batch in
            try host.apply(batch)
            try host.snapshotIfDue(SnapshotPolicy(spacing: 700, kept: 10))
            return true
        }
        try host.writeCheckpoint()
        #expect(SnapshotStore(paths: host.paths).sequences().count == 3)
        func load(_ sequence: UInt64, _ need: StatisticsNeed) throws -> Statistics {
            try Statistics.load(
                directory: site.projections, log: site.log.reader, at: .sequence(sequence),
                now: EventTime(microseconds: 0), need: need)
        }
        for sequence in [150, 699, 1203, 2000, 2400, 2951, 3000] as [UInt64] {
            let whole = try load(sequence, .everything)
            #expect(whole.lastSequence == sequence)
            let questions = questions(whole)
            for index in stride(from: Int(sequence % 7), to: questions.count, by: 7) {
                let question = questions[index]
                expectEqual(question, try load(sequence, question.need), whole)
            }
        }
    }
}
