/// Instants as people and programs write them.
///
/// Concurrency: no state.
package enum InstantText {
    /// RFC 3339 (`2026-11-21T09:41:27.5Z`, `2026-11-21T10:41:27+01:00`), the same without seconds
    /// or without an offset (UTC), a date alone (its midnight in UTC), or whole seconds since the
    /// Unix epoch. nil when it is none of them.
    package static func parse(_ text: String) -> EventTime? {
        if text.utf8.count <= 12, let seconds = Int64(text), seconds >= 0 {
            return EventTime(microseconds: seconds * 1_000_000)
        }
        var rest = Array(text.utf8)[...]
        guard let year = number(&rest, 4), skip(&rest, "-"), let month = number(&rest, 2),
            skip(&rest, "-"), let day = number(&rest, 2), (1...12).contains(month),
            let days = days(year, month, day)
        else { return nil }
        var microseconds = days * 86_400_000_000
        if rest.isEmpty { return EventTime(microseconds: microseconds) }
        guard skip(&rest, "T") || skip(&rest, "t") || skip(&rest, " "),
            let hour = number(&rest, 2), skip(&rest, ":"), let minute = number(&rest, 2),
            hour < 24, minute < 60
        else { return nil }
        microseconds += (hour * 3600 + minute * 60) * 1_000_000
        let hasSeconds = skip(&rest, ":")
        if hasSeconds {
            guard let second = number(&rest, 2), second <= 60 else { return nil }
            microseconds += second * 1_000_000
        }
        if hasSeconds, skip(&rest, ".") {
            var unit: Int64 = 100_000
            var count = 0
            while let digit = number(&rest, 1) {
                microseconds += digit * unit
                unit /= 10
                count += 1
            }
            guard count > 0 else { return nil }
        }
        if rest.isEmpty { return EventTime(microseconds: microseconds) }
        guard let offset = offset(&rest), rest.isEmpty else { return nil }
        return EventTime(microseconds: microseconds - offset)
    }

    /// `Z`, or `+01:00`, in microseconds.
    private static func offset(_ rest: inout ArraySlice<UInt8>) -> Int64? {
        if skip(&rest, "Z") || skip(&rest, "z") { return 0 }
        let isWest = rest.first == UInt8(ascii: "-")
        // A `+` of a query that was not escaped arrives as a space.
        guard skip(&rest, "+") || skip(&rest, "-") || skip(&rest, " "),
            let hours = number(&rest, 2), skip(&rest, ":"), let minutes = number(&rest, 2),
            hours < 24, minutes < 60
        else { return nil }
        return (hours * 3600 + minutes * 60) * (isWest ? -1_000_000 : 1_000_000)
    }

    private static func skip(_ rest: inout ArraySlice<UInt8>, _ letter: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: letter) else { return false }
        rest.removeFirst()
        return true
    }

    private static func number(_ rest: inout ArraySlice<UInt8>, _ digits: Int) -> Int64? {
        guard rest.count >= digits, rest.prefix(digits).allSatisfy({ $0 >= 0x30 && $0 <= 0x39 })
        else { return nil }
        defer { rest.removeFirst(digits) }
        return rest.prefix(digits).reduce(0) { $0 * 10 + Int64($1 - 0x30) }
    }

    /// Days from 1970-01-01; nil when there is no such day.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64? {
        let shifted = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = shifted.flooredDivision(by: 400)
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 719_468
        let date = CivilDate(daysSinceUnixEpoch: days)
        return (date.year, date.month, date.day) == (year, month, day) ? days : nil
    }
}
