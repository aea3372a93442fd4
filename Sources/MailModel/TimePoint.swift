/// An instant as people and programs write it, or how long ago: `2026-11-21`, `2026-11-21T09:41`,
/// `2026-11-21T09:41:27.5Z`, `2026-11-21T10:41:27+01:00`; `30m`, `24h`, `7d`, `2w`.
///
/// Concurrency: value.
package struct TimePoint: Hashable, Sendable {
    private enum Form: Hashable {
        case instant(EventTime)
        case ago(seconds: Int64)
    }

    private let form: Form

    /// Reads one; nil for what is neither.
    package init?(_ text: String) {
        if let seconds = Self.seconds(text) {
            form = .ago(seconds: seconds)
        } else if let time = InstantText.parse(text) {
            form = .instant(time)
        } else {
            return nil
        }
    }

    /// The instant, given which one is now.
    package func time(now: EventTime) -> EventTime {
        switch form {
        case .instant(let time): time
        case .ago(let seconds): now.adding(seconds: -seconds)
        }
    }

    /// `90s`, `30m`, `24h`, `7d`, `2w`; at most a hundred years.
    package static func seconds(_ text: String) -> Int64? {
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
}

/// A point of the log as people and programs write it: a sequence, or a time.
///
/// Concurrency: value.
package enum LogPoint: Hashable, Sendable {
    case sequence(UInt64)
    case time(TimePoint)

    /// Reads one; a number is a sequence. nil for what is neither.
    package init?(_ text: String) {
        if let sequence = UInt64(text) {
            self = .sequence(sequence)
        } else if let time = TimePoint(text) {
            self = .time(time)
        } else {
            return nil
        }
    }
}
