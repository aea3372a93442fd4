/// One field of a header: where it stands (RFC 5322 section 2.2).
///
/// Concurrency: value.
struct HeaderField {
    /// From the first octet of its name to behind its last line's ending.
    var range: Range<Int>
    /// Without the space that may stand before the colon.
    var name: Range<Int>
    /// Where its body begins: behind the colon.
    var bodyStart: Int
    /// Whether `limit`, which is not the end of the content, was reached before the field's end was
    /// seen.
    var isCut: Bool

    /// The field that begins at `start`; nil when none does, for example at an empty line.
    init?(in bytes: Span<UInt8>, at start: Int, limit: Int) {
        guard start < limit else { return nil }
        var colon = start
        while colon < limit, bytes[colon] &- 0x21 < 0x5E, bytes[colon] != 0x3A { colon += 1 }
        let nameEnd = colon
        guard nameEnd > start else { return nil }
        while colon < limit, bytes[colon] == 0x20 || bytes[colon] == 0x09 { colon += 1 }
        guard colon < limit, bytes[colon] == 0x3A else {
            // At the very limit it cannot be told; so long a name is no name.
            return nil
        }
        name = start..<nameEnd
        bodyStart = colon + 1
        var end = colon + 1
        while end < limit {
            guard bytes[end] == 0x0A else {
                end += 1
                continue
            }
            end += 1
            // Folded: a line that begins with white space goes on (RFC 5322 section 2.2.3).
            if end < limit, bytes[end] == 0x20 || bytes[end] == 0x09 { continue }
            break
        }
        range = start..<end
        isCut = end == limit && limit < bytes.count
    }

    /// The body, unfolded and trimmed: runs of white space round a fold become one space.
    func value(in bytes: Span<UInt8>) -> [UInt8] {
        var value: [UInt8] = []
        var isAfterFold = false
        for index in bodyStart..<range.upperBound {
            let byte = bytes[index]
            switch byte {
            case 0x0D where index + 1 < range.upperBound && bytes[index + 1] == 0x0A: continue
            case 0x0A: isAfterFold = true
            case 0x20, 0x09:
                if !isAfterFold, !value.isEmpty { value.append(byte) }
            default:
                if isAfterFold, !value.isEmpty {
                    while value.last == 0x20 || value.last == 0x09 { value.removeLast() }
                    value.append(0x20)
                }
                isAfterFold = false
                value.append(byte)
            }
        }
        while value.last == 0x20 || value.last == 0x09 { value.removeLast() }
        return value
    }
}
