/// Shapes for tables, where people would rather see one than read numbers.
enum Shape {
    private static let eighths: [Character] = ["▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"]
    private static let levels: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

    /// A bar of at most `width` characters, in proportion to the whole.
    static func bar(_ part: Int, of whole: Int, width: Int = 20) -> String {
        guard part > 0, whole > 0 else { return "" }
        let steps = max(1, min(width * 8, Int(Double(part) / Double(whole) * Double(width * 8))))
        let full = String(repeating: "█", count: steps / 8)
        return steps % 8 == 0 ? full : full + String(eighths[steps % 8 - 1])
    }

    /// A line of levels, the greatest value being the highest; a blank for zero. Neighbours are added
    /// up when there are more values than `width`.
    static func sparkline(_ values: [Int], width: Int = 48) -> String {
        let group = max(1, (values.count + width - 1) / width)
        let sums = stride(from: 0, to: values.count, by: group).map { start in
            values[start..<min(start + group, values.count)].reduce(0, +)
        }
        guard let highest = sums.max(), highest > 0 else { return "" }
        return String(
            sums.map { value in
                value <= 0 ? " " : levels[min(7, value * 8 / (highest + 1))]
            })
    }
}
