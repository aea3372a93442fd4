package import MailModel

/// `Local-part`, `Domain`, `address-literal` and `Path` of RFC 5321 section 4.1.2 with the
/// additions of RFC 6531 section 3.3, on octets, without making values of what is only looked at.
package enum AddressGrammar {
    /// Where the parts of a path lie.
    package struct PathRanges: Equatable, Sendable {
        /// Empty for `<>`.
        package var localPart: Range<Int>
        /// Empty for `<>` and for `<postmaster>`.
        package var domain: Range<Int>
        /// The first index after the `>`.
        package var end: Int
        /// Whether it has characters that are not ASCII, and so needs SMTPUTF8 (RFC 6531).
        package var needsUTF8: Bool

        /// Whether it is the null reverse-path.
        package var isNull: Bool { localPart.isEmpty }
        /// Whether it is `<postmaster>` without a domain (RFC 5321 section 4.1.1.3).
        package var isBarePostmaster: Bool { !localPart.isEmpty && domain.isEmpty }
    }

    /// `"<" [ A-d-l ":" ] Mailbox ">"`, `<>`, or `<postmaster>` in any case.
    ///
    /// A source route is read over and forgotten (RFC 5321 section 3.3: servers must accept the
    /// syntax and should ignore it). nil when malformed, or not UTF-8.
    package static func path(_ bytes: Span<UInt8>, at start: Int) -> PathRanges? {
        guard start < bytes.count, bytes[start] == UInt8(ascii: "<") else { return nil }
        var index = start + 1
        if index < bytes.count, bytes[index] == UInt8(ascii: ">") {
            return PathRanges(
                localPart: index..<index, domain: index..<index, end: index + 1, needsUTF8: false)
        }
        if index < bytes.count, bytes[index] == UInt8(ascii: "@") {
            guard let afterRoute = sourceRoute(bytes, at: index) else { return nil }
            index = afterRoute
        }
        guard let localEnd = localPart(bytes, at: index), localEnd < bytes.count else { return nil }
        let local = index..<localEnd
        if bytes[localEnd] == UInt8(ascii: ">") {
            guard bytes.extracting(local).isWord("postmaster") else { return nil }
            return PathRanges(
                localPart: local, domain: localEnd..<localEnd, end: localEnd + 1, needsUTF8: false)
        }
        guard bytes[localEnd] == UInt8(ascii: "@"),
            let domainEnd = domain(bytes, at: localEnd + 1),
            domainEnd < bytes.count, bytes[domainEnd] == UInt8(ascii: ">")
        else { return nil }
        let domain = (localEnd + 1)..<domainEnd
        let needsUTF8 = bytes.extracting(local.lowerBound..<domainEnd).hasNonASCII
        if needsUTF8 {
            // Each part for itself: what is cut at an ASCII octet stays whole.
            guard bytes.extracting(local).isValidUTF8, bytes.extracting(domain).isValidUTF8 else {
                return nil
            }
        }
        return PathRanges(
            localPart: local, domain: domain, end: domainEnd + 1, needsUTF8: needsUTF8)
    }

    /// `A-d-l ":"`: `@one,@two:`. Returns the index after the colon.
    private static func sourceRoute(_ bytes: Span<UInt8>, at start: Int) -> Int? {
        var index = start
        while true {
            guard index < bytes.count, bytes[index] == UInt8(ascii: "@"),
                let end = domain(bytes, at: index + 1), end < bytes.count
            else { return nil }
            switch bytes[end] {
            case UInt8(ascii: ","): index = end + 1
            case UInt8(ascii: ":"): return end + 1
            default: return nil
            }
        }
    }

    /// `Dot-string / Quoted-string`. Returns the index after it, or nil.
    package static func localPart(_ bytes: Span<UInt8>, at start: Int) -> Int? {
        guard start < bytes.count else { return nil }
        let end: Int?
        if bytes[start] == UInt8(ascii: "\"") {
            end = quotedString(bytes, at: start)
        } else {
            end = dotString(bytes, at: start)
        }
        guard let end, end - start <= GrammarLimits.localPartOctets else { return nil }
        return end
    }

    /// `Atom *("." Atom)`.
    private static func dotString(_ bytes: Span<UInt8>, at start: Int) -> Int? {
        var index = start
        var atomStart = start
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: ".") {
                guard index > atomStart else { return nil }
                atomStart = index + 1
            } else if !byte.isAtext, !byte.isNonASCII {
                break
            }
            index += 1
        }
        return index > atomStart ? index : nil
    }

    /// `DQUOTE *QcontentSMTP DQUOTE`: printable ASCII and space, `\` before `"` and `\`.
    private static func quotedString(_ bytes: Span<UInt8>, at start: Int) -> Int? {
        var index = start + 1
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                return index + 1
            case UInt8(ascii: "\\"):
                index += 1
                guard index < bytes.count, bytes[index] >= 0x20, bytes[index] <= 0x7E else {
                    return nil
                }
            case 0x20...0x7E, 0x80...0xFF:
                break
            default:
                return nil
            }
            index += 1
        }
        return nil
    }

    /// `Domain / address-literal`. Returns the index after it, or nil.
    ///
    /// Lenient: RFC 5321 section 4.1.2 has no underscore; seen in practice in host names that
    /// bounce addresses are made from.
    package static func domain(_ bytes: Span<UInt8>, at start: Int) -> Int? {
        guard start < bytes.count else { return nil }
        if bytes[start] == UInt8(ascii: "[") { return addressLiteral(bytes, at: start) }
        var index = start
        var labelStart = start
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: ".") {
                guard isLabel(bytes, labelStart..<index) else { return nil }
                labelStart = index + 1
            } else if !byte.isLetDig, byte != UInt8(ascii: "-"), byte != UInt8(ascii: "_"),
                !byte.isNonASCII
            {
                break
            }
            index += 1
        }
        guard isLabel(bytes, labelStart..<index), index - start <= GrammarLimits.domainOctets
        else { return nil }
        return index
    }

    private static func isLabel(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        !range.isEmpty && range.count <= GrammarLimits.labelOctets
            && bytes[range.lowerBound] != UInt8(ascii: "-")
            && bytes[range.upperBound - 1] != UInt8(ascii: "-")
    }

    /// `"[" ( IPv4-address-literal / IPv6-address-literal ) "]"` (RFC 5321 section 4.1.3).
    ///
    /// No other tag than `IPv6` has ever been registered, so none is taken.
    package static func addressLiteral(_ bytes: Span<UInt8>, at start: Int) -> Int? {
        guard start < bytes.count, bytes[start] == UInt8(ascii: "[") else { return nil }
        var end = start + 1
        while end < bytes.count, bytes[end] != UInt8(ascii: "]") {
            guard end - start <= 64 else { return nil }
            end += 1
        }
        guard end < bytes.count else { return nil }
        let inside = bytes.extracting((start + 1)..<end)
        if inside.count > 5, inside.extracting(0..<5).isWord("IPv6:") {
            guard IPAddress.ipv6(inside.extracting(5..<inside.count)) != nil else { return nil }
        } else {
            guard IPAddress.ipv4(inside) != nil else { return nil }
        }
        return end + 1
    }
}

extension Mailbox {
    /// Reads `local-part@domain` without angle brackets (RFC 5321 section 4.1.2, RFC 6531
    /// section 3.3); nil when it is not one.
    package init?(_ text: String) {
        let bytes = text.utf8.span
        guard let localEnd = AddressGrammar.localPart(bytes, at: 0), localEnd < bytes.count,
            bytes[localEnd] == UInt8(ascii: "@"),
            AddressGrammar.domain(bytes, at: localEnd + 1) == bytes.count
        else { return nil }
        self.init(
            localPart: bytes.extracting(0..<localEnd).string,
            domain: bytes.extracting((localEnd + 1)..<bytes.count).string)
    }

    /// Whether it has characters that are not ASCII, and so needs SMTPUTF8 (RFC 6531).
    package var needsUTF8: Bool {
        localPart.utf8.span.hasNonASCII || domain.utf8.span.hasNonASCII
    }
}
