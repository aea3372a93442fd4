/// An instant: microseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// In one log the times of events never decrease: a clock that steps back is held at the last
/// time written until it has caught up.
package struct EventTime: Hashable, Comparable, Sendable {
    /// Microseconds since the Unix epoch.
    package var microseconds: Int64

    /// Creates an instant from microseconds since the Unix epoch.
    package init(microseconds: Int64) { self.microseconds = microseconds }

    /// The earlier instant is the smaller.
    package static func < (left: EventTime, right: EventTime) -> Bool {
        left.microseconds < right.microseconds
    }

    /// The instant `seconds` later (earlier when negative).
    package func adding(seconds: Int64) -> EventTime {
        EventTime(microseconds: microseconds + seconds * 1_000_000)
    }
}

extension EventTime: CustomStringConvertible {
    /// RFC 3339 in UTC with microseconds: `2026-11-21T09:41:27.000123Z`.
    package var description: String {
        let (days, microsecondsOfDay) = microseconds.flooredDivision(by: 86_400_000_000)
        let date = CivilDate(daysSinceUnixEpoch: days)
        let (secondOfDay, fraction) = microsecondsOfDay.quotientAndRemainder(dividingBy: 1_000_000)
        return date.description + "T" + padded(secondOfDay / 3600, 2) + ":"
            + padded(secondOfDay / 60 % 60, 2) + ":" + padded(secondOfDay % 60, 2) + "."
            + padded(fraction, 6) + "Z"
    }
}

/// A day of the proleptic Gregorian calendar, computed without Foundation.
package struct CivilDate: Hashable, Sendable, CustomStringConvertible {
    package var year: Int64
    /// 1 to 12.
    package var month: Int64
    /// 1 to 31.
    package var day: Int64
    /// 0 = Sunday.
    package var weekday: Int64

    /// The date that is so many days after 1970-01-01 (era arithmetic over 400-year cycles).
    package init(daysSinceUnixEpoch days: Int64) {
        let shifted = days + 719_468
        let (era, dayOfEra) = shifted.flooredDivision(by: 146_097)
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        weekday = (days + 4).flooredDivision(by: 7).remainder
    }

    /// `2026-11-21`.
    package var description: String {
        padded(year, 4) + "-" + padded(month, 2) + "-" + padded(day, 2)
    }
}

extension Int64 {
    /// Division that rounds towards minus infinity, so that the remainder is never negative.
    package func flooredDivision(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}

private func padded(_ number: Int64, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: Swift.max(0, width - digits.count)) + digits
}
