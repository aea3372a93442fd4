/// How busy senders are, by hour, day of the week and season.
///
/// Concurrency: no state.
enum TrafficClock {
    /// Of an average hour, by hour of the day (UTC): quiet nights, a morning and an evening peak.
    private static let hours: [Double] = [
        0.35, 0.25, 0.20, 0.18, 0.20, 0.35, 0.60, 0.95, 1.40, 1.70, 1.75, 1.60,
        1.45, 1.40, 1.45, 1.45, 1.40, 1.35, 1.40, 1.50, 1.35, 1.05, 0.75, 0.50,
    ]
    /// From Sunday to Saturday.
    private static let weekdays: [Double] = [0.60, 1.10, 1.20, 1.15, 1.20, 1.10, 0.65]

    /// The weight of a minute counted from the plan's start; 1 on the average of a plain week.
    static func weight(minute: Int, startDay: Int64) -> Double {
        let day = Int64(minute / 1440)
        return hours[minute / 60 % 24] * weekday(day, startDay) * season(day: Int(day))
    }

    /// The weight of a day in its week.
    static func weekday(_ day: Int64, _ startDay: Int64) -> Double {
        weekdays[Int((startDay + day + 4) % 7)]
    }

    /// More before the holidays (the plan starts in November), less in summer.
    static func season(day: Int) -> Double {
        switch day % 365 {
        case 20..<55: 1.6
        case 55..<70: 0.7
        case 260..<305: 0.85
        default: 1
        }
    }
}
