/// Numbers with units, as people write them in a configuration.
package enum Quantity {
    /// What a duration looks like, for messages.
    package static let durationForm = "a duration such as 500ms, 30s, 5m, 4h or 7d"
    /// What a size looks like, for messages.
    package static let sizeForm = "a size such as 512, 64KiB, 25MiB or 1GiB"
    /// What a rate looks like, for messages.
    package static let rateForm = "a rate such as 100/s, 600/m or 10000/h"

    /// Milliseconds of `30s`, `1h30m`, `500ms`; nil when the text is no duration, or one beyond
    /// ``ConfigurationLimits/durationDays``.
    package static func milliseconds(_ text: String) -> Int? {
        let units: [(String, Int)] = [
            ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
        ]
        var rest = Substring(text.filter { $0 != " " })
        guard !rest.isEmpty else { return nil }
        var total = 0
        while !rest.isEmpty {
            guard let (number, unit) = leadingNumber(&rest),
                let factor = units.first(where: { $0.0 == unit })?.1
            else { return nil }
            let (part, overflow) = number.multipliedReportingOverflow(by: factor)
            let (sum, carried) = total.addingReportingOverflow(part)
            guard !overflow, !carried else { return nil }
            total = sum
        }
        return total <= ConfigurationLimits.durationDays * 86_400_000 ? total : nil
    }

    /// Octets of `25MiB`, `1GB`, `4096`; nil when the text is no size.
    package static func octets(_ text: String) -> Int? {
        let units: [String: Int] = [
            "": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
            "KB": 1000, "MB": 1_000_000, "GB": 1_000_000_000, "TB": 1_000_000_000_000,
        ]
        var rest = Substring(text.filter { $0 != " " })
        guard let (number, unit) = leadingNumber(&rest), rest.isEmpty, let factor = units[unit]
        else { return nil }
        let (octets, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? nil : octets
    }

    /// Events a second of `100/s`, `600/m`, `10000/h`; nil when the text is no rate.
    package static func perSecond(_ text: String) -> Double? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let number = Int(parts[0]), number > 0 else { return nil }
        switch parts[1] {
        case "s", "sec", "second": return Double(number)
        case "m", "min", "minute": return Double(number) / 60
        case "h", "hour": return Double(number) / 3600
        default: return nil
        }
    }

    private static func leadingNumber(_ rest: inout Substring) -> (Int, String)? {
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int(digits) else { return nil }
        rest = rest.dropFirst(digits.count)
        let unit = rest.prefix { !$0.isNumber }
        rest = rest.dropFirst(unit.count)
        return (number, String(unit))
    }
}
