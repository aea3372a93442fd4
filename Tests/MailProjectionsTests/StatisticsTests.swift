import EventLog
import MailEvents
import MailModel
import Projections
import Testing
import WaybillTesting

@testable import MailProjections

private func fold(_ events: [RecordedEvent]) throws -> Statistics {
    var statistics = Statistics()
    for start in stride(from: 0, to: events.count, by: 1000) {
        try statistics.apply(storedBatch(events[start..<min(start + 1000, events.count)]))
    }
    return statistics
}

private func load(_ rows: [[UInt8]: [UInt8]]) -> Statistics? {
    var statistics = Statistics()
    for key in rows.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
        guard statistics.load(ProjectionRow(key: key, value: rows[key] ?? [])) else { return nil }
    }
    return statistics
}

private func position(_ statistics: Statistics) -> Position {
    Position(
        epoch: 1, sequence: statistics.lastSequence,
        chainHash: [UInt8](repeating: 7, count: 32))
}

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

@Suite("Statistics")
struct StatisticsTests {
    private func expectEqual(
        _ statistics: Statistics, _ model: StatisticsModel, keepsDomains: Bool = false
    ) {
        var seen = 0
        for kind in SubjectKind.allCases {
            for report in statistics.reports(kind) {
                seen += 1
                guard let expected = model.subjects[report.key] else {
                    Issue.record("\(report.key) should not be there")
                    continue
                }
                #expect(report.counters == expected.counters, "\(report.key)")
                for bounceClass in BounceClass.allCases {
                    #expect(
                        report.detail.failures[bounceClass]
                            == expected.failures[bounceClass] ?? 0)
                    #expect(
                        report.detail.deferrals[bounceClass]
                            == expected.deferrals[bounceClass] ?? 0)
                    #expect(
                        report.detail.returns[bounceClass]
                            == expected.returns[bounceClass] ?? 0)
                }
                expectEqual(report.detail.latency, expected.milliseconds)
                let hours = statistics.periods(report.key, .hour)
                #expect(
                    hours.map { $0.start.microseconds / 3_600_000_000 }
                        == expected.hours.keys.sorted(), "\(report.key)")
                for hour in hours {
                    #expect(
                        hour.counters == expected.hours[hour.start.microseconds / 3_600_000_000])
                }
                let replies = statistics.replies(of: report.key)
                if kind.hasReplies {
                    #expect(replies.map(\.count).reduce(0, +) == expected.replyCount)
                }
                if kind.hasDomains {
                    expectEqual(statistics.domains(of: report.key), expected.domains)
                }
                if kind.hasProviders {
                    expectEqual(statistics.providers(of: report.key), expected.providers)
                }
            }
        }
        #expect(seen == model.subjects.count)
    }

    private func expectEqual(_ latency: LatencyHistogram, _ milliseconds: [Int64]) {
        #expect(latency.count == milliseconds.count)
        guard !milliseconds.isEmpty else { return }
        let sorted = milliseconds.sorted()
        #expect(latency.maximum == sorted.last)
        for perMille in [500, 900, 990, 1000] {
            let rank = max(1, (sorted.count * perMille + 999) / 1000)
            let exact = sorted[rank - 1]
            let estimate = latency.quantile(perMille: perMille) ?? -1
            #expect(estimate >= exact && estimate <= exact + exact / 16)
        }
    }

    private func expectEqual(
        _ breakdown: BreakdownReport?, _ expected: [String: DeliveryCounters]
    ) {
        guard let breakdown else {
            Issue.record("no breakdown")
            return
        }
        var sum = breakdown.others
        for entry in breakdown.entries {
            sum += entry.counters
            if entry.missed == 0 { #expect(entry.counters == expected[entry.name]) }
        }
        #expect(sum == expected.values.reduce(into: DeliveryCounters()) { $0 += $1 })
    }

    @Test("The fold is what the plain model says", arguments: 0..<4 as Range<UInt64>)
    func model(seed: UInt64) throws {
        var generator = EventGenerator(seed: seed)
        // Up to eighty days: hours are all kept, minutes are not.
        let events = generator.events(6000).stretched([1, 1000, 100_000, 5_000_000][Int(seed)])
        var model = StatisticsModel()
        for event in events { model.apply(event) }
        let statistics = try fold(events)
        #expect(statistics.reports(.campaign).count > 2)
        #expect(statistics.reports(.provider).count > 4)
        if seed < 3 { expectEqual(statistics, model) }
        let server = SubjectKey(kind: .server, name: "")
        #expect(
            statistics.report(server)?.counters == model.subjects[server]?.counters)
    }

    @Test("Minutes that are kept hold what happened in them")
    func minutes() throws {
        var generator = EventGenerator(seed: 21)
        let events = generator.events(4000).stretched(4000)
        var model = StatisticsModel()
        for event in events { model.apply(event) }
        let statistics = try fold(events)
        for report in statistics.reports(.campaign) + statistics.reports(.server) {
            let expected = try #require(model.subjects[report.key]).minutes
            let minutes = statistics.periods(report.key, .minute)
            #expect(
                minutes.map { $0.start.microseconds / 60_000_000 } == expected.keys.sorted())
            for minute in minutes {
                #expect(minute.counters == expected[minute.start.microseconds / 60_000_000])
            }
        }
    }

    @Test(
        "Promise 3: the digest is the same whatever the batches, restarts and checkpoints",
        arguments: 0..<12 as Range<UInt64>)
    func digest(seed: UInt64) throws {
        let events = stream(seed, count: 2500)
        let plain = try fold(events)
        var random = SeededRandom(seed: seed ^ 0xABCD)
        var statistics = Statistics()
        var file: [[UInt8]: [UInt8]] = [:]
        func save() {
            let checkpoint = statistics.takeCheckpoint(at: position(statistics))
            if checkpoint.isWhole { file = [:] }
            #expect(Set(checkpoint.changes.map(\.key)).count == checkpoint.changes.count)
            for change in checkpoint.changes {
                if change.value == nil { #expect(file[change.key] != nil) }
                file[change.key] = change.value
            }
        }
        var start = 0
        while start < events.count {
            let end = min(start + 1 + random.below(120), events.count)
            // Now and then a batch that was applied in part already.
            let from = random.oneIn(6) ? max(0, start - random.below(50)) : start
            try statistics.apply(storedBatch(events[from..<end]))
            start = end
            if random.oneIn(4) { save() }
            if random.oneIn(9) {
                // A checkpoint that could not be written.
                _ = statistics.takeCheckpoint(at: position(statistics))
                statistics.forgetChanges()
            }
            if random.oneIn(7) {
                save()
                statistics = try #require(load(file), "seed \(seed)")
            }
        }
        save()
        #expect(statistics.digest() == plain.digest(), "seed \(seed)")
        var rows: [[UInt8]: [UInt8]] = [:]
        var last: [UInt8] = []
        plain.forEachRow { row in
            #expect(last.lexicographicallyPrecedes(row.key))
            #expect(row.key.count <= 511)
            last = row.key
            rows[row.key] = row.value
        }
        #expect(file == rows, "seed \(seed)")
        #expect(load(file)?.digest() == plain.digest())
    }

    @Test("Statistics that differ by an event have different digests")
    func digestsDiffer() throws {
        let events = stream(1, count: 300)
        var statistics = Statistics()
        var digests = Set([statistics.digest()])
        for index in events.indices {
            try statistics.apply(storedBatch(events[index...index]))
            digests.insert(statistics.digest())
        }
        #expect(digests.count == events.count + 1)
    }

    @Test("Whatever a log may hold, the fold does not crash, and its rows can be read again")
    func hostile() throws {
        for seed in 0..<10 as Range<UInt64> {
            var generator = EventGenerator(seed: seed)
            let events = generator.arbitraryEvents(2000, firstSequence: 1, epoch: 1)
            let statistics = try fold(events)
            var rows: [[UInt8]: [UInt8]] = [:]
            statistics.forEachRow { rows[$0.key] = $0.value }
            let loaded = try #require(load(rows), "seed \(seed)")
            #expect(loaded.digest() == statistics.digest(), "seed \(seed)")
            for kind in SubjectKind.allCases {
                for report in loaded.reports(kind) {
                    _ = loaded.periods(report.key, .minute)
                    _ = loaded.detail(report.key, since: nil, until: report.last)
                    _ = loaded.counters(report.key, since: report.first, until: nil)
                }
            }
        }
    }

    @Test("A row that is cut or changed is refused or read without harm")
    func malformedRows() throws {
        let statistics = try fold(stream(2, count: 400))
        var random = SeededRandom(seed: 1)
        statistics.forEachRow { row in
            for _ in 0..<12 {
                var value = Array(row.value[..<random.below(row.value.count + 1)])
                if !value.isEmpty, random.oneIn(2) {
                    value[random.below(value.count)] = UInt8(random.below(256))
                }
                var loaded = Statistics()
                _ = loaded.load(ProjectionRow(key: row.key, value: value))
                loaded.forEachRow { _ in }
                for kind in SubjectKind.allCases { _ = loaded.reports(kind) }
            }
        }
        for key in [[], [0], [9, 9], [1, 200], [1, 0, 0], [0x40], [0x80, 1], [0xFF, 1]] as [[UInt8]]
        {
            var loaded = Statistics()
            let accepted = loaded.load(ProjectionRow(key: key, value: [1, 2, 3]))
            #expect(!accepted)
        }
    }
}
