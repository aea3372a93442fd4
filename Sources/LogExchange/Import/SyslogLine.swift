package import MailModel

/// A line of a syslog file: when, which host, which program, what it said.
///
/// Concurrency: value.
struct SyslogLine {
    var time: EventTime
    var host: String
    /// Without the process number, for example `postfix/smtp`.
    var program: String
    var message: ArraySlice<UInt8>
}

/// Reads the lines of one syslog file. The traditional form has no year, so it is counted from line to
/// line: a month that goes back from December to January is a new year.
///
/// Concurrency: value; lines of one file in their order.
struct SyslogReader {
    private static let months: [String: Int64] = [
        "Jan": 1, "Feb": 2, "Mar": 3, "Apr": 4, "May": 5, "Jun": 6, "Jul": 7, "Aug": 8, "Sep": 9,
        "Oct": 10, "Nov": 11, "Dec": 12,
    ]

    private let options: SyslogOptions
    private var year: Int64?
    private var lastMonth: Int64 = 0

    init(_ options: SyslogOptions) { self.options = options }

    /// Reads a line; nil when it is not of either form.
    mutating func read(_ line: [UInt8]) -> SyslogLine? {
        var scanner = ByteScanner(line)
        // A priority, as in the messages on the wire.
        if scanner.skip("<"), scanner.take(before: UInt8(ascii: ">")) == nil { return nil }
        let isRFC3339 = scanner.rest.first.map { $0 >= 0x30 && $0 <= 0x39 } ?? false
        guard let time = isRFC3339 ? rfc3339(&scanner) : traditional(&scanner),
            let host = scanner.take(before: 0x20), let tag = scanner.take(before: ": ")
        else { return nil }
        let program = tag.prefix { $0 != UInt8(ascii: "[") }
        guard !program.isEmpty, !program.contains(0x20) else { return nil }
        return SyslogLine(
            time: time, host: host.text, program: program.text, message: scanner.rest)
    }

    private func rfc3339(_ scanner: inout ByteScanner) -> EventTime? {
        guard let text = scanner.take(before: 0x20), text.count >= 19 else { return nil }
        return InstantText.parse(text.text)
    }

    /// `Nov 21 09:41:27`, `Nov  1 09:41:27`.
    private mutating func traditional(_ scanner: inout ByteScanner) -> EventTime? {
        guard let name = scanner.take(before: 0x20), let month = Self.months[name.text] else {
            return nil
        }
        scanner.skipSpaces()
        guard let day = scanner.number(), scanner.skip(" "),
            let clock = scanner.take(before: 0x20), clock.count == 8
        else { return nil }
        let now = year ?? options.year(month: month, day: Int64(day))
        let next = lastMonth == 12 && month == 1 ? now + 1 : now
        guard (1...9_999).contains(next),
            let time = InstantText.parse(
                "\(Self.padded(next, 4))-\(Self.padded(month, 2))-"
                    + "\(Self.padded(Int64(day), 2))T\(clock.text)")
        else { return nil }
        year = next
        lastMonth = month
        return time.adding(seconds: -options.offsetSeconds)
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

/// What traditional syslog lines leave out.
///
/// Concurrency: value.
package struct SyslogOptions: Sendable {
    /// Of the first line of each file; nil: the latest year in which it is not in the future.
    package var firstYear: Int64?
    /// Seconds east of UTC of the clock that wrote the lines.
    package var offsetSeconds: Int64
    /// Now, for the year that was not said.
    package var now: EventTime

    package init(firstYear: Int64? = nil, offsetSeconds: Int64 = 0, now: EventTime) {
        self.firstYear = firstYear
        self.offsetSeconds = offsetSeconds
        self.now = now
    }

    /// The year of a first line.
    func year(month: Int64, day: Int64) -> Int64 {
        if let firstYear { return firstYear }
        // A day of leeway: the clock that wrote may have been ahead, or in another zone.
        let tomorrow = now.adding(seconds: 86_400 + offsetSeconds)
        let date = CivilDate(
            daysSinceUnixEpoch: tomorrow.microseconds.flooredDivision(by: 86_400_000_000).quotient)
        return (month, day) <= (date.month, date.day) ? date.year : date.year - 1
    }
}
