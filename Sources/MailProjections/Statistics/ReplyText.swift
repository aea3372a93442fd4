/// Makes replies that say the same the same text, so that they can be counted.
///
/// A word with a digit or an `@` in it (queue ids, addresses, times, links) becomes `*`, a run of
/// such words one `*`; line ends and controls become blanks, runs of blanks one, and the whole is
/// cut. `<ben@example.net>: Recipient address rejected: Greylisted, see http://x.example/4f2a` is
/// `* Recipient address rejected: Greylisted, see *`.
///
/// Concurrency: no state.
enum ReplyText {
    /// Writes code, enhanced status and pattern.
    static func write(
        code: UInt32, status: UInt32, text: ArraySlice<UInt8>, to octets: inout [UInt8]
    ) {
        octets.removeAll(keepingCapacity: true)
        append(number: code, to: &octets)
        if status != 0 {
            octets.append(0x20)
            append(number: status / 1_000_000, to: &octets)
            octets.append(UInt8(ascii: "."))
            append(number: status / 1000 % 1000, to: &octets)
            octets.append(UInt8(ascii: "."))
            append(number: status % 1000, to: &octets)
        }
        appendPattern(of: text, to: &octets)
    }

    private static func appendPattern(of text: ArraySlice<UInt8>, to octets: inout [UInt8]) {
        var wasStar = false
        var index = text.startIndex
        while index < text.endIndex, octets.count < Limits.replyPatternOctetsMaximum {
            guard !isBlank(text[index]) else {
                index += 1
                continue
            }
            let start = index
            var isVariable = false
            while index < text.endIndex, !isBlank(text[index]) {
                let octet = text[index]
                if (octet >= 0x30 && octet <= 0x39) || octet == UInt8(ascii: "@") {
                    isVariable = true
                }
                index += 1
            }
            if isVariable, wasStar { continue }
            octets.append(0x20)
            if isVariable {
                octets.append(UInt8(ascii: "*"))
            } else {
                octets.append(contentsOf: text[start..<index])
            }
            wasStar = isVariable
        }
        cut(&octets)
    }

    private static func isBlank(_ octet: UInt8) -> Bool { octet <= 0x20 || octet == 0x7F }

    /// Cuts at the limit, not within a character.
    private static func cut(_ octets: inout [UInt8]) {
        guard octets.count > Limits.replyPatternOctetsMaximum else { return }
        var end = Limits.replyPatternOctetsMaximum
        while end > 0, octets[end] & 0xC0 == 0x80 { end -= 1 }
        octets.removeSubrange(end...)
    }

    private static func append(number: UInt32, to octets: inout [UInt8]) {
        octets.append(contentsOf: String(number).utf8)
    }
}
