import MailModel

/// Date and time as header fields show them: RFC 5322 section 3.3.
enum MailDate {
    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Appends `Sat, 21 Nov 2026 09:41:27 +0000`.
    static func append(_ time: EventTime, to out: inout [UInt8]) {
        let (day, microseconds) = time.microseconds.flooredDivision(by: 86_400_000_000)
        let date = CivilDate(daysSinceUnixEpoch: day)
        let second = microseconds / 1_000_000
        out.append(contentsOf: days[Int(date.weekday)].utf8)
        out.append(contentsOf: ", ".utf8)
        out.append(contentsOf: String(date.day).utf8)
        out.append(0x20)
        out.append(contentsOf: months[Int(date.month) - 1].utf8)
        out.append(0x20)
        // RFC 5322 section 3.3: at least four digits, and not before 1900.
        let year = String(max(date.year, 1900))
        out.append(contentsOf: year.utf8)
        out.append(0x20)
        appendTwoDigits(second / 3600, to: &out)
        out.append(0x3A)
        appendTwoDigits(second / 60 % 60, to: &out)
        out.append(0x3A)
        appendTwoDigits(second % 60, to: &out)
        out.append(contentsOf: " +0000".utf8)
    }

    private static func appendTwoDigits(_ number: Int64, to out: inout [UInt8]) {
        out.append(0x30 + UInt8(number / 10))
        out.append(0x30 + UInt8(number % 10))
    }
}
