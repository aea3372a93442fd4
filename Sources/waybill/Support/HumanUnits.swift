/// Sizes and ages as people read them.
enum Human {
    /// `0 B`, `812 B`, `4.0 KiB`, `1.5 GiB`.
    static func size(_ octets: Int) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        var value = Double(octets)
        var unit = 0
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        return unit == 0 ? "\(octets) B" : "\(decimal(value, places: 1)) \(units[unit])"
    }

    /// `0s`, `42s`, `5m`, `3h 10m`, `2d 4h`; the largest two units.
    static func age(seconds: Int64) -> String {
        let seconds = max(0, seconds)
        switch seconds {
        case ..<60: return "\(seconds)s"
        case ..<3600: return "\(seconds / 60)m"
        case ..<86_400:
            let minutes = seconds / 60 % 60
            return "\(seconds / 3600)h" + (minutes == 0 ? "" : " \(minutes)m")
        default:
            let hours = seconds / 3600 % 24
            return "\(seconds / 86_400)d" + (hours == 0 ? "" : " \(hours)h")
        }
    }

    /// `0 ms`, `850 ms`, `1.2 s`, `75 s`, then as ``age(seconds:)``.
    static func duration(milliseconds: Int64) -> String {
        switch milliseconds {
        case ..<1000: "\(milliseconds) ms"
        case ..<10_000: "\(decimal(Double(milliseconds) / 1000, places: 1)) s"
        case ..<100_000: "\(milliseconds / 1000) s"
        default: age(seconds: milliseconds / 1000)
        }
    }

    /// A number with a fixed count of decimal places.
    static func decimal(_ value: Double, places: Int) -> String {
        var scale = 1.0
        for _ in 0..<places { scale *= 10 }
        let scaled = Int((value * scale).rounded())
        guard places > 0 else { return String(scaled) }
        let fraction = String(abs(scaled) % Int(scale))
        return (scaled < 0 ? "-" : "") + String(abs(scaled) / Int(scale)) + "."
            + String(repeating: "0", count: places - fraction.count) + fraction
    }
}
