import ArgumentParser
import MailModel

/// An instant as an operator writes it: `2026-11-21`, `2026-11-21T09:41`, `2026-11-21T09:41:27Z`
/// (UTC), or how long ago: `30m`, `24h`, `7d`, `2w`.
struct TimeArgument: ExpressibleByArgument, Equatable {
    private enum Form: Equatable {
        case instant(EventTime)
        case ago(seconds: Int64)
    }

    private let form: Form

    init?(argument: String) {
        if let seconds = Self.seconds(argument) {
            form = .ago(seconds: seconds)
        } else if let time = Self.instant(argument) {
            form = .instant(time)
        } else {
            return nil
        }
    }

    /// The instant, given which one is now.
    func time(now: EventTime) -> EventTime {
        switch form {
        case .instant(let time): time
        case .ago(let seconds): now.adding(seconds: -seconds)
        }
    }

    /// `90s`, `30m`, `24h`, `7d`, `2w`; at most a hundred years.
    static func seconds(_ text: String) -> Int64? {
        let units: [Character: Int64] = [
            "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800,
        ]
        guard let unit = text.last.flatMap({ units[$0] }), text.utf8.count <= 12,
            text.dropLast().allSatisfy({ $0.isASCII && $0.isNumber }),
            let number = Int64(text.dropLast())
        else { return nil }
        let (seconds, overflow) = number.multipliedReportingOverflow(by: unit)
        return overflow || seconds > 3_155_760_000 ? nil : seconds
    }

    private static func instant(_ text: String) -> EventTime? {
        var text = Substring(text)
        if text.hasSuffix("Z") { text.removeLast() }
        let parts = text.split(
            omittingEmptySubsequences: false, whereSeparator: { $0 == "T" || $0 == " " })
        guard (1...2).contains(parts.count), let days = days(parts[0]) else { return nil }
        guard parts.count == 2 else { return EventTime(microseconds: days * 86_400_000_000) }
        let clock = parts[1].split(separator: ".", omittingEmptySubsequences: false)
        let fields = clock[0].split(separator: ":", omittingEmptySubsequences: false)
        guard (2...3).contains(fields.count), clock.count <= 2,
            let hour = number(fields[0], 2, 0...23), let minute = number(fields[1], 2, 0...59),
            let second = fields.count == 3 ? number(fields[2], 2, 0...59) : 0
        else { return nil }
        var microseconds: Int64 = 0
        if clock.count == 2 {
            let digits = clock[1]
            guard fields.count == 3, (1...6).contains(digits.count),
                let fraction = number(digits, digits.count, 0...999_999)
            else { return nil }
            microseconds = fraction
            for _ in digits.count..<6 { microseconds *= 10 }
        }
        let seconds = days * 86_400 + hour * 3600 + minute * 60 + second
        return EventTime(microseconds: seconds * 1_000_000 + microseconds)
    }

    /// Days since 1970-01-01 of a date that exists.
    private static func days(_ text: Substring) -> Int64? {
        let fields = text.split(separator: "-", omittingEmptySubsequences: false)
        guard fields.count == 3, let year = number(fields[0], 4, 1970...9999),
            let month = number(fields[1], 2, 1...12), let day = number(fields[2], 2, 1...31)
        else { return nil }
        // Months counted from March, so that the leap day is the last (as in CivilDate).
        let shiftedYear = month <= 2 ? year - 1 : year
        let shiftedMonth = (month + 9) % 12
        let dayOfYear = (153 * shiftedMonth + 2) / 5 + day - 1
        let days =
            shiftedYear * 365 + shiftedYear / 4 - shiftedYear / 100 + shiftedYear / 400 + dayOfYear
            - 719_468
        return CivilDate(daysSinceUnixEpoch: days).description == text ? days : nil
    }

    private static func number(
        _ text: Substring, _ width: Int, _ range: ClosedRange<Int64>
    ) -> Int64? {
        guard text.count == width, text.allSatisfy({ $0.isASCII && $0.isNumber }),
            let number = Int64(text), range.contains(number)
        else { return nil }
        return number
    }
}
