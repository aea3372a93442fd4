package import NIOCore

/// Makes content fit for the wire: every line ends with CRLF, no CR or LF stands alone, and, for
/// DATA, a line that begins with a dot gets one more (RFC 5321 sections 2.3.8 and 4.5.2).
///
/// CRLF, a lone CR and a lone LF all end a line and become CRLF; a last line without an ending gets
/// one. So no content, whatever it holds, can end the data early or pass something to the next
/// server that one of the two reads as the end of the data.
///
/// Whatever must be changed is an insertion before one octet and depends on that octet and the one
/// before it; so content can be given in slices cut anywhere, and runs in between are copied whole.
///
/// Concurrency: value.
package struct ContentEncoder: Sendable {
    /// Whether dots are doubled: for DATA, not for BDAT.
    private let stuffsDots: Bool
    /// The last octet given; LF at the start of content.
    private var last: UInt8 = lineFeed

    private static let carriageReturn: UInt8 = 0x0D
    private static let lineFeed: UInt8 = 0x0A
    private static let dot: UInt8 = 0x2E
    /// Octets looked at in one go: what the compiler turns into vector instructions.
    private static let blockOctets = 32

    /// An encoder at the start of content.
    package init(stuffsDots: Bool) { self.stuffsDots = stuffsDots }

    /// Writes `content[range]` to `out`.
    package mutating func encode(
        _ content: [UInt8], _ range: Range<Int>, into out: inout ByteBuffer
    ) {
        unsafe content.withUnsafeBufferPointer { all in
            unsafe encode(UnsafeBufferPointer(rebasing: all[range]), into: &out)
        }
    }

    private mutating func encode(
        _ bytes: UnsafeBufferPointer<UInt8>, into out: inout ByteBuffer
    ) {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return }
        let count = bytes.count
        var copied = 0
        var index = 0
        while index < count {
            if index > 0, index + Self.blockOctets <= count,
                unsafe Self.isClean(base + index)
            {
                index += Self.blockOctets
                continue
            }
            let stop = min(index + Self.blockOctets, count)
            while index < stop {
                let byte = unsafe base[index]
                let before = unsafe index > 0 ? base[index - 1] : last
                if let insertion = insertion(between: before, and: byte) {
                    unsafe out.writeBytes(
                        UnsafeRawBufferPointer(start: base + copied, count: index - copied))
                    out.writeStaticString(insertion)
                    copied = index
                }
                index += 1
            }
        }
        unsafe out.writeBytes(UnsafeRawBufferPointer(start: base + copied, count: count - copied))
        last = unsafe base[count - 1]
    }

    /// Ends the last line, if it has no end yet.
    package mutating func finish(into out: inout ByteBuffer) {
        switch last {
        case Self.lineFeed: break
        case Self.carriageReturn: out.writeInteger(Self.lineFeed)
        default: out.writeStaticString("\r\n")
        }
        last = Self.lineFeed
    }

    @inline(__always)
    private func insertion(between before: UInt8, and byte: UInt8) -> StaticString? {
        if before == Self.carriageReturn {
            if byte == Self.lineFeed { return nil }
            return stuffsDots && byte == Self.dot ? "\n." : "\n"
        }
        if byte == Self.lineFeed { return "\r" }
        return stuffsDots && byte == Self.dot && before == Self.lineFeed ? "." : nil
    }

    /// Whether nothing has to be inserted before any octet of a block; reads one octet before it.
    @inline(__always)
    private static func isClean(_ block: UnsafePointer<UInt8>) -> Bool {
        var found: UInt8 = 0
        for offset in 0..<blockOctets {
            let before = unsafe block[offset - 1]
            let byte = unsafe block[offset]
            let broken: UInt8 = (before == carriageReturn) != (byte == lineFeed) ? 1 : 0
            let dotted: UInt8 = before == lineFeed && byte == dot ? 1 : 0
            found |= broken | dotted
        }
        return found == 0
    }
}
