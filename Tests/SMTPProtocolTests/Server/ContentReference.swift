/// What DATA's content must come to, by RFC 5321's words alone: slow and plain, to hold the
/// scanner against.
struct ContentReference: Equatable {
    /// Octets up to and with the final dot line; nil when there is none.
    var used: Int?
    /// Dots of transparency removed, bare CR and LF repaired when asked for.
    var content: [UInt8] = []
    var hasBareLineEnds = false
    var hasNUL = false
    var hasEightBit = false
    var longestLine = 0

    /// The end is the first CRLF.CRLF, the CRLF of DATA counting (section 4.1.1.4).
    static func end(_ bytes: [UInt8]) -> Int? {
        let all = [0x0D, 0x0A] + bytes
        let mark: [UInt8] = [0x0D, 0x0A, 0x2E, 0x0D, 0x0A]
        guard all.count >= mark.count else { return nil }
        return (0...(all.count - mark.count)).first { Array(all[$0..<($0 + 5)]) == mark }
            .map { $0 + 3 }
    }

    init(_ bytes: [UInt8]) {
        used = Self.end(bytes)
        guard let used else { return }
        let body = Array(bytes[..<(used - 3)])
        hasNUL = body.contains(0)
        hasEightBit = body.contains { $0 >= 0x80 }
        for index in body.indices {
            if body[index] == 0x0D {
                hasBareLineEnds =
                    hasBareLineEnds || index + 1 == body.count || body[index + 1] != 0x0A
            }
            if body[index] == 0x0A {
                hasBareLineEnds = hasBareLineEnds || index == 0 || body[index - 1] != 0x0D
            }
        }
        var line: [UInt8] = []
        func finishLine(_ line: [UInt8]) -> [UInt8] {
            // A line that is a dot alone, and yet not the end, stays.
            line.first == 0x2E && line.count > 1 ? Array(line.dropFirst()) : line
        }
        var index = 0
        while index < body.count {
            switch body[index] {
            case 0x0D:
                var next = index
                while next < body.count, body[next] == 0x0D { next += 1 }
                let endsInLF = next < body.count && body[next] == 0x0A
                // Several CR and a LF: one end of line. CR alone: one each... but the last of
                // several before a LF belongs to it.
                content += finishLine(line) + [0x0D, 0x0A]
                longestLine = max(longestLine, finishLine(line).count + 2)
                line = []
                index = endsInLF ? next + 1 : next
            case 0x0A:
                content += finishLine(line) + [0x0D, 0x0A]
                longestLine = max(longestLine, finishLine(line).count + 2)
                line = []
                index += 1
            default:
                line.append(body[index])
                index += 1
            }
        }
        content += line
    }
}
