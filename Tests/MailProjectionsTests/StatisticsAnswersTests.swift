import MailEvents
import MailModel
import Projections
import Testing
import WaybillTesting

@testable import MailProjections

/// An acceptance of one message each.
private func received(_ tenants: [String], campaign: String = "") -> [RecordedEvent] {
    tenants.enumerated().map { index, tenant in
        RecordedEvent(
            sequence: UInt64(index + 1), epoch: 1,
            event: Event(
                time: EventTime(microseconds: 1_790_000_000_000_000 + Int64(index)),
                fact: .received(
                    MessageReceived(
                        reversePath: .null, sizeOctets: 10,
                        contentSHA256: [UInt8](repeating: 0, count: 32), recipientCount: 0,
                        tenant: tenant, campaign: campaign,
                        session: IngressSession(
                            listener: "l", serverName: "s", transmissionType: .local)))))
    }
}

@Suite("What statistics are asked")
struct StatisticsAnswersTests {
    private let now = EventTime(microseconds: 1_790_000_100_000_000)

    @Test("Metrics name the tenants that were seen first, the rest together: no counter goes back")
    func figures() throws {
        let names = (0..<Limits.tenantsInMetrics + 50).map { "t\($0 * 7919 % 100_003)" }
        let events = received(names + names)
        var statistics = Statistics()
        var before: [String: Int] = [:]
        for start in stride(from: 0, to: events.count, by: 300) {
            try statistics.apply(storedBatch(events[start..<min(start + 300, events.count)]))
            let figures = statistics.figures()
            #expect(figures.tenants.count <= Limits.tenantsInMetrics + 1)
            #expect(
                figures.tenants.map(\.counters.received).reduce(0, +)
                    == figures.server?.counters.received)
            let counts = Dictionary(
                uniqueKeysWithValues: figures.tenants.map { ($0.name, $0.counters.received) })
            for (name, count) in before { #expect(counts[name] ?? 0 >= count, "\(name)") }
            before = counts
        }
        #expect(before["(others)"] == 100)
        #expect(before[names[0]] == 2)
        let one = statistics.figures(of: names[0])
        #expect(one.tenants.map(\.name) == [names[0]])
        #expect(one.server == nil && one.providers.isEmpty)
        #expect(statistics.figures(of: "nobody").tenants.isEmpty)
    }

    @Test("Pages of a list are the list, whatever their size")
    func pages() throws {
        var generator = EventGenerator(seed: 31)
        var statistics = Statistics()
        try statistics.apply(storedBatch(generator.events(4000)[...]))
        let clock = statistics.time
        let spans = [Span(), Span(since: clock.adding(seconds: -3600))]
        for span in spans {
            for question in [
                StatisticsQuestion.campaigns(tenant: nil, domain: nil), .clients(only: nil),
                .receivers(.domain), .receivers(.provider), .receivers(.source),
                .reputation(.route, source: nil, provider: nil),
                .reputation(.source, source: nil, provider: nil),
            ] {
                func rows(_ page: Page) throws -> (rows: [[Cell]], total: Int) {
                    let answer = try statistics.answer(
                        question, span: span, now: clock, page: page)
                    let listing = try #require(answer.listing)
                    return (listing.rows.rows, listing.total)
                }
                let (all, total) = try rows(.all)
                #expect(all.count == total)
                #expect(total > 2)
                for size in [1, 2, 7] {
                    var parts: [[Cell]] = []
                    while parts.count < total {
                        let part = try rows(Page(offset: parts.count, limit: size))
                        #expect(part.total == total)
                        try #require(!part.rows.isEmpty)
                        parts += part.rows
                    }
                    #expect(parts == all, "\(question), \(size)")
                }
            }
        }
    }

    @Test("A name of several clients is asked back, one of none is not there")
    func names() throws {
        var statistics = Statistics()
        try statistics.apply(storedBatch(received(["acme", "zeta"], campaign: "spring")[...]))
        #expect(throws: AnswerError.severalCampaigns("spring", tenants: ["acme", "zeta"])) {
            try statistics.answer(.campaign("spring", tenant: nil), now: now)
        }
        #expect(throws: AnswerError.noCampaign("autumn")) {
            try statistics.answer(.campaign("autumn", tenant: nil), now: now)
        }
        #expect(throws: AnswerError.noCampaign("spring")) {
            try statistics.answer(.campaign("spring", tenant: "spring"), now: now)
        }
        #expect(throws: AnswerError.nothingCounted(.tenant, "nobody")) {
            try statistics.answer(.subject(.tenant, "nobody"), now: now)
        }
        #expect(throws: AnswerError.self) {
            try statistics.answer(
                .campaigns(tenant: nil, domain: "a.example"), span: Span(since: now), now: now)
        }
        guard
            case .card(let card) = try statistics.answer(
                .campaign("spring", tenant: "zeta"), now: now)
        else {
            Issue.record("no card")
            return
        }
        #expect(card.key == SubjectKey(kind: .campaign, tenant: "zeta", name: "spring"))
    }

    @Test("Times to delivery under round bounds are all of them, none below its bound")
    func roundBounds() {
        var random = SeededRandom(seed: 8)
        var latency = LatencyHistogram()
        for _ in 0..<3000 {
            let value = Int64(random.below(1 << (1 + random.below(28))))
            latency.record(
                milliseconds: value, bucket: LatencyHistogram.bucket(milliseconds: value))
        }
        let parts = latency.counts(under: LatencyHistogram.roundBounds + [.max])
        #expect(parts.map(\.count).reduce(0, +) == latency.count)
        var exact = 0
        for (upTo, count) in latency.buckets where upTo <= 60_000 { exact += count }
        let under = parts.prefix { $0.upTo <= 60_000 }.map(\.count).reduce(0, +)
        #expect(under == exact)
        #expect(latency.counts(under: []).isEmpty)
    }

    @Test("The way of a delivery is what its event says")
    func route() {
        let recipient = RecipientReference(
            message: MessageID(epoch: 1, sequence: 1), number: 3,
            mailbox: Mailbox(localPart: "a", domain: "example.net"))
        let attempt = Attempt(
            number: 1, reply: Reply(250, nil, "ok"), command: "dot",
            peer: DeliveryPeer(
                host: "mx.example.net", address: "203.0.113.1", port: 25,
                sourceAddress: "192.0.2.1"))
        let event = RecordedEvent(
            sequence: 2, epoch: 1,
            event: Event(
                time: now,
                fact: .delivered(DeliverySucceeded(recipient: recipient, attempt: attempt))))
        let trace = MessageTrace(message: recipient.message, events: [event])
        let way = DeliveryRoute(host: "mx.example.net", sourceAddress: "192.0.2.1")
        #expect(trace.routes == [3: way])
    }
}
