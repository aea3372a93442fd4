/// Content-Transfer-Encoding (RFC 2045 section 6).
enum TransferEncoding {
    private static let hexadecimal = Array("0123456789ABCDEF".utf8)
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    /// Octets of an encoded line, CRLF not counted (RFC 2045 sections 6.7 and 6.8).
    private static let lineOctets = 76

    /// A text's octets with every line ended by CRLF, the last one too.
    static func canonical(_ text: String) -> [UInt8] {
        var out = LineEndings.canonical(Array(text.utf8))
        if !out.isEmpty, out.last != 0x0A { out += [0x0D, 0x0A] }
        return out
    }

    /// Whether lines can go as they are: ASCII without controls, short, and without `=_`, which
    /// begins our boundaries.
    static func needsNone(_ octets: [UInt8]) -> Bool {
        var length = 0
        var last: UInt8 = 0
        for octet in octets {
            switch octet {
            case 0x0A: length = 0
            case 0x0D: break
            case 0x09, 0x20...0x7E: length += 1
            default: return false
            }
            if length > MessageLimits.lineOctets || (octet == 0x5F && last == 0x3D) { return false }
            last = octet
        }
        return true
    }

    /// Appends lines as quoted-printable; CRLF in the input stays a line's end.
    static func appendQuotedPrintable(_ octets: [UInt8], to out: inout [UInt8]) {
        var column = 0
        for (index, octet) in octets.enumerated() {
            let next = index + 1 < octets.count ? octets[index + 1] : nil
            if octet == 0x0D, next == 0x0A { continue }
            if octet == 0x0A {
                out += [0x0D, 0x0A]
                column = 0
                continue
            }
            // Section 6.7 rule 3: no line ends in white space.
            let endsLine = next == nil || next == 0x0D || next == 0x0A
            let isPlain =
                (octet >= 0x21 && octet <= 0x7E && octet != 0x3D)
                || ((octet == 0x20 || octet == 0x09) && !endsLine)
            let width = isPlain ? 1 : 3
            // Room for the soft line break's `=`, unless the line ends here anyway.
            if column + width > (endsLine ? lineOctets : lineOctets - 1) {
                out += [0x3D, 0x0D, 0x0A]
                column = 0
            }
            if isPlain {
                out.append(octet)
            } else {
                out += [0x3D, hexadecimal[Int(octet >> 4)], hexadecimal[Int(octet & 15)]]
            }
            column += width
        }
    }

    /// Base 64 in lines of 76, each with CRLF.
    static func base64(_ octets: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(octets.count / 57 * 78 + 80)
        var index = 0
        while index < octets.count {
            let end = min(index + lineOctets / 4 * 3, octets.count)
            appendBase64(octets[index..<end], to: &out)
            out += [0x0D, 0x0A]
            index = end
        }
        return out
    }

    /// Appends base 64 with padding and without line ends.
    static func appendBase64(_ octets: ArraySlice<UInt8>, to out: inout [UInt8]) {
        var index = octets.startIndex
        while index < octets.endIndex {
            let left = octets.endIndex - index
            let group =
                UInt32(octets[index]) << 16
                | (left > 1 ? UInt32(octets[index + 1]) << 8 : 0)
                | (left > 2 ? UInt32(octets[index + 2]) : 0)
            out.append(alphabet[Int(group >> 18)])
            out.append(alphabet[Int(group >> 12 & 63)])
            out.append(left > 1 ? alphabet[Int(group >> 6 & 63)] : 0x3D)
            out.append(left > 2 ? alphabet[Int(group & 63)] : 0x3D)
            index += 3
        }
    }
}

/// Line ends as mail wants them.
package enum LineEndings {
    /// The octets with CR, LF and CRLF all as CRLF (RFC 5321 section 2.3.8).
    package static func canonical(_ octets: [UInt8]) -> [UInt8] {
        if isCanonical(octets) { return octets }
        var out: [UInt8] = []
        out.reserveCapacity(octets.count + octets.count / 32 + 2)
        var last: UInt8 = 0
        for octet in octets {
            switch octet {
            case 0x0D: out += [0x0D, 0x0A]
            case 0x0A where last == 0x0D: break
            case 0x0A: out += [0x0D, 0x0A]
            default: out.append(octet)
            }
            last = octet
        }
        return out
    }

    /// Whether every CR has its LF behind it and every LF its CR before it.
    private static func isCanonical(_ octets: [UInt8]) -> Bool {
        var last: UInt8 = 0
        for octet in octets {
            if (octet == 0x0A) != (last == 0x0D) { return false }
            last = octet
        }
        return last != 0x0D
    }
}
