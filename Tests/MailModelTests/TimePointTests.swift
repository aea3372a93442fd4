import Testing

@testable import MailModel

@Suite("Times as people and programs write them")
struct TimePointTests {
    private let now = EventTime(microseconds: 1_795_000_000_000_000)

    @Test(
        "Instants: RFC 3339, also without seconds or offset, a date, seconds",
        arguments: [
            ("1970-01-01T00:00:01Z", 1_000_000), ("1970-01-01", 0), ("1970-01-02", 86_400_000_000),
            ("1970-01-01T01:00:00.5+01:00", 500_000), ("5", 5_000_000),
            ("1969-12-31T23:00-01:00", 0), ("1970-01-01T00:01", 60_000_000),
            ("1970-01-01 00:00:02", 2_000_000), ("2000-02-29T00:00:00Z", 951_782_400_000_000),
            ("2026-11-21T09:41:27.000123Z", 1_795_254_087_000_123),
        ])
    func instants(text: String, microseconds: Int64) {
        #expect(InstantText.parse(text) == EventTime(microseconds: microseconds))
        #expect(TimePoint(text)?.time(now: now) == EventTime(microseconds: microseconds))
    }

    @Test(
        "A time ago counts back from now",
        arguments: [
            ("90s", 90), ("30m", 1800), ("24h", 86_400), ("7d", 604_800), ("2w", 1_209_600),
        ])
    func ago(text: String, seconds: Int64) {
        #expect(TimePoint(text)?.time(now: now) == now.adding(seconds: -seconds))
        #expect(InstantText.parse(text) == nil)
    }

    @Test(
        "What is neither is refused",
        arguments: [
            "", "h", "-3h", "1.5h", "now", "yesterday", "-5", "2026-13-01", "2026-02-30",
            "2025-02-29", "26-11-21", "2026-11-21T", "2026-11-21T24:00", "2026-11-21T25:00:00Z",
            "2026-11-21T09:41:27.", "2026-11-21T09:41:27.Z", "2026-11-21T09:41:27Zx",
            "2026-11-21T09:41.5Z", "2026-11-21T09:41:27+1", "99999999999w",
            "2026-11-21T09:41:27+25:00", "٢٤h",
        ])
    func refused(text: String) {
        #expect(TimePoint(text) == nil)
        #expect(LogPoint(text) == nil)
    }

    @Test("A point of the log is a sequence when it is a number, else a time")
    func points() {
        #expect(LogPoint("120000") == .sequence(120_000))
        #expect(LogPoint("0") == .sequence(0))
        #expect(LogPoint("18446744073709551615") == .sequence(.max))
        #expect(LogPoint("18446744073709551616") == nil)
        for text in ["2026-11-20", "2026-11-20T08:00:00Z", "2026-11-20T08:00:00.25Z", "24h"] {
            let time = TimePoint(text)
            #expect(time != nil)
            #expect(LogPoint(text) == time.map { .time($0) })
        }
    }
}
