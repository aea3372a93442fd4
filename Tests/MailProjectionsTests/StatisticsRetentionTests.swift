import MailEvents
import MailModel
import Projections
import Testing
import WaybillTesting

@testable import MailProjections

private let day: Int64 = 86_400_000_000
private let start: Int64 = 1_790_000_000_000_000

/// A delivery for each of the arguments, in order.
private func delivery(
    _ sequence: UInt64, at time: Int64, campaign: String = "spring", source: String = "192.0.2.1"
) -> RecordedEvent {
    let recipient = RecipientReference(
        message: MessageID(epoch: 1, sequence: 1), number: 0,
        mailbox: Mailbox(localPart: "ben", domain: "example.net"), tenant: "acme",
        campaign: campaign)
    let attempt = Attempt(
        number: 1, reply: Reply(250, nil, "ok"), command: "dot",
        peer: DeliveryPeer(
            host: "mx.example.net", address: "203.0.113.1", port: 25, sourceAddress: source))
    return RecordedEvent(
        sequence: sequence, epoch: 1,
        event: Event(
            time: EventTime(microseconds: time),
            fact: .delivered(DeliverySucceeded(recipient: recipient, attempt: attempt))))
}

@Suite("Statistics: what is kept")
struct StatisticsRetentionTests {
    private let source = SubjectKey(kind: .source, name: "192.0.2.1")
    private let server = SubjectKey(kind: .server, name: "")

    @Test("Minutes are kept for two days, hours for ninety, days for two years, totals for ever")
    func series() throws {
        let count: UInt64 = 800 * 4
        // Four a day for 800 days.
        let events = (1...count).map { delivery($0, at: start + Int64($0) * day / 4) }
        var statistics = Statistics()
        for event in events { try statistics.apply(storedBatch([event])) }
        #expect(statistics.report(server)?.counters.delivered == Int(count))
        for resolution in Resolution.allCases {
            let periods = statistics.periods(server, resolution)
            let oldest = try #require(periods.first).start.microseconds
            let length = Int64(resolution.minutes) * 60_000_000
            let kept = (statistics.now - oldest) / length
            #expect(kept >= Int64(resolution.kept) - 1, "\(resolution)")
            // Whole rows go, once a day.
            #expect(kept <= Int64(resolution.kept) + 32 + day / length, "\(resolution)")
        }
        var rows = 0
        statistics.forEachRow { _ in rows += 1 }
        #expect(rows < 6 * (4 * 24 + 93 + 26 + 93))
    }

    @Test(
        "A campaign that was idle for ninety days is dropped, and counts anew when it comes again")
    func idle() throws {
        let events = [
            delivery(1, at: start), delivery(2, at: start + 80 * day, campaign: "summer"),
            delivery(3, at: start + 92 * day, campaign: "summer"),
            delivery(4, at: start + 93 * day),
        ]
        var statistics = Statistics()
        try statistics.apply(storedBatch(events[..<2]))
        #expect(statistics.reports(.campaign).map(\.key.name) == ["spring", "summer"])
        try statistics.apply(storedBatch(events[2..<3]))
        #expect(statistics.reports(.campaign).map(\.key.name) == ["summer"])
        try statistics.apply(storedBatch(events[3...]))
        let spring = SubjectKey(kind: .campaign, tenant: "acme", name: "spring")
        #expect(statistics.report(spring)?.counters.delivered == 1)
        #expect(statistics.report(server)?.counters.delivered == 4)
    }

    @Test("Subjects beyond the limit are counted together, also after a restart")
    func overflow() throws {
        let count = UInt64(Limits.sourcesMaximum) + 50
        let events = (1...count).map {
            delivery($0, at: start, source: "198.51.100.\($0)")
        }
        var statistics = Statistics()
        try statistics.apply(storedBatch(events[..<4000]))
        var loaded = Statistics()
        statistics.forEachRow { row in
            let accepted = loaded.load(row)
            #expect(accepted)
        }
        try statistics.apply(storedBatch(events[4000...]))
        try loaded.apply(storedBatch(events[4000...]))
        #expect(loaded.digest() == statistics.digest())
        let reports = loaded.reports(.source)
        #expect(reports.count == Limits.sourcesMaximum + 1)
        #expect(reports.first { $0.key.isOverflow }?.counters.delivered == 50)
        #expect(reports.map(\.counters.delivered).reduce(0, +) == Int(count))
    }

    @Test("Windows count what happened in them, from minutes, hours or days as there are")
    func windows() throws {
        let now = start + 30 * day
        let ages: [Int64] = [20 * day, 5 * day, 3 * day, day / 2, day / 48, 0]
        let events = ages.enumerated().map { delivery(UInt64($0 + 1), at: now - $1) }
        var statistics = Statistics()
        try statistics.apply(storedBatch(events[...]))
        func delivered(_ age: Int64) -> Int {
            statistics.counters(
                source, since: EventTime(microseconds: now - age), until: nil
            ).delivered
        }
        #expect(delivered(day / 24) == 2)
        #expect(delivered(day) == 3)
        #expect(delivered(7 * day) == 5)
        #expect(delivered(25 * day) == 6)
        let until = EventTime(microseconds: now - day)
        #expect(statistics.counters(source, since: nil, until: until).delivered == 3)
    }
}
