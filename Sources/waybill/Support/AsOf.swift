import ArgumentParser
import MailModel

/// A point of the log as people write it: a sequence or a time.
///
/// Concurrency: value.
enum AsOf: Equatable, ExpressibleByArgument {
    case sequence(UInt64)
    case time(EventTime)

    /// Reads `120000`, `2026-11-20`, `2026-11-20T08:00:00Z` or with a fraction of a second; UTC.
    init?(argument: String) {
        if let sequence = UInt64(argument) {
            self = .sequence(sequence)
        } else if let time = EventTime(rfc3339: argument) {
            self = .time(time)
        } else {
            return nil
        }
    }
}

extension EventTime {
    /// Reads a date, or a date and a time of day in UTC (RFC 3339 with `Z`).
    init?(rfc3339 text: String) {
        let parts = text.split(separator: "T", omittingEmptySubsequences: false)
        let date = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count <= 2, date.count == 3, date[0].count == 4,
            let year = Int64(date[0]), let month = Self.number(date[1], in: 1...12),
            let day = Self.number(date[2], in: 1...31)
        else { return nil }
        // Days since 1970-01-01, era arithmetic over 400-year cycles.
        let shifted = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = shifted.flooredDivision(by: 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let days =
            era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        let back = CivilDate(daysSinceUnixEpoch: days)
        guard (back.year, back.month, back.day) == (year, month, day) else { return nil }
        var microseconds: Int64 = 0
        if parts.count == 2 {
            guard let time = Self.timeOfDay(parts[1]) else { return nil }
            microseconds = time
        }
        self.init(microseconds: days * 86_400_000_000 + microseconds)
    }

    private static func timeOfDay(_ text: Substring) -> Int64? {
        guard text.hasSuffix("Z") else { return nil }
        let whole = text.dropLast().split(separator: ".", omittingEmptySubsequences: false)
        let time = whole[0].split(separator: ":", omittingEmptySubsequences: false)
        guard whole.count <= 2, time.count == 3,
            let hour = number(time[0], in: 0...23), let minute = number(time[1], in: 0...59),
            let second = number(time[2], in: 0...59)
        else { return nil }
        var microseconds = (hour * 3600 + minute * 60 + second) * 1_000_000
        if whole.count == 2 {
            let digits = whole[1]
            guard (1...6).contains(digits.count), digits.allSatisfy(\.isWholeNumber),
                let fraction = Int64(
                    digits + String(repeating: "0", count: 6 - digits.count))
            else { return nil }
            microseconds += fraction
        }
        return microseconds
    }

    private static func number(_ digits: Substring, in range: ClosedRange<Int64>) -> Int64? {
        guard digits.count == 2, let number = Int64(digits), range.contains(number) else {
            return nil
        }
        return number
    }
}
