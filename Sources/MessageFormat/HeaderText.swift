/// Writing text of others into header fields and plain-text parts, safely.
enum HeaderText {
    /// Appends text on one line: control characters become spaces, and what is not ASCII becomes
    /// `?` unless `utf8` is allowed.
    static func append(_ text: String, utf8Allowed: Bool = true, to out: inout [UInt8]) {
        for byte in text.utf8 { out.append(clean(byte, utf8Allowed)) }
    }

    private static func clean(_ byte: UInt8, _ utf8Allowed: Bool) -> UInt8 {
        if byte < 0x20 || byte == 0x7F { return 0x20 }
        return byte >= 0x80 && !utf8Allowed ? 0x3F : byte
    }

    /// Appends `start` and text, wrapped at ``MessageLimits/lineOctets`` where there are spaces;
    /// every further line begins with `indent`. Ends with CRLF.
    ///
    /// A word that no line can hold is cut at ``MessageLimits/longestLineOctets``; a cut never
    /// divides a UTF-8 sequence.
    static func appendWrapped(
        _ start: String, _ text: String, indent: String, utf8Allowed: Bool, to out: inout [UInt8]
    ) {
        append(start, utf8Allowed: utf8Allowed, to: &out)
        var column = start.utf8.count
        var isLineStart = true
        for word in text.utf8.map({ clean($0, utf8Allowed) }).split(separator: 0x20) {
            if !isLineStart {
                if column + 1 + word.count > MessageLimits.lineOctets {
                    breakLine(indent, &column, to: &out)
                } else {
                    out.append(0x20)
                    column += 1
                }
            }
            isLineStart = false
            for byte in word {
                let isContinuation = byte & 0xC0 == 0x80
                if column >= MessageLimits.longestLineOctets, !isContinuation {
                    breakLine(indent, &column, to: &out)
                }
                out.append(byte)
                column += 1
            }
        }
        out.append(contentsOf: "\r\n".utf8)
    }

    private static func breakLine(
        _ indent: String, _ column: inout Int, to out: inout [UInt8]
    ) {
        out.append(contentsOf: "\r\n".utf8)
        out.append(contentsOf: indent.utf8)
        column = indent.utf8.count
    }
}
