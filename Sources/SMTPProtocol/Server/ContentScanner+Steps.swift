extension ContentScanner {
    /// Takes one octet; returns whether it ended the content.
    ///
    /// ```
    /// CRLF . CRLF          the end
    /// CRLF . x             the dot is dropped
    /// LF . CRLF            not the end: a defect, or, repaired, a line with one dot
    /// CR . CR, CRLF . LF   likewise
    /// ```
    mutating func step(_ octet: UInt8) -> Bool {
        switch position {
        case .start, .softStart:
            if octet == UInt8(ascii: "."), framing == .dotted {
                position = position == .start ? .dot : .softDot
            } else {
                text(octet)
            }
        case .text:
            text(octet)
        case .cr:
            return afterCR(octet)
        case .dot, .softDot:
            switch octet {
            case 0x0D:
                position = position == .dot ? .dotCR : .softDotCR
            case 0x0A:
                emit(UInt8(ascii: "."))
                text(octet)
            default:
                text(octet)
            }
        case .dotCR, .softDotCR:
            if octet == 0x0A, position == .dotCR { return true }
            emit(UInt8(ascii: "."))
            return afterCR(octet)
        }
        return false
    }

    /// An octet that cannot be a dot of transparency, the one before being no CR.
    private mutating func text(_ octet: UInt8) {
        switch octet {
        case 0x0D:
            position = .cr
        case 0x0A:
            if normalises {
                endLine(.softStart)
            } else {
                mark(.bareLF)
                emit(octet)
                position = .text
            }
        default:
            if octet == 0 { mark(.nul) }
            if octet >= 0x80 { hasEightBit = true }
            emit(octet)
            position = .text
        }
    }

    /// The octet after a CR that is not emitted yet.
    private mutating func afterCR(_ octet: UInt8) -> Bool {
        if octet == 0x0A {
            endLine(.start)
            return false
        }
        if normalises {
            // Several CR before a LF are one end of line: some clients write CR CR LF.
            if octet == 0x0D {
                position = .cr
                return false
            }
            endLine(.softStart)
        } else {
            mark(.bareCR)
            emit(0x0D)
            position = .text
        }
        return step(octet)
    }

    private mutating func endLine(_ next: Position) {
        emit(0x0D)
        emit(0x0A)
        checkLine(lineOctets)
        lineOctets = 0
        position = next
    }

    private mutating func emit(_ octet: UInt8) {
        size += 1
        lineOctets += 1
        if maximumOctets > 0, size > maximumOctets { mark(.tooLarge) }
        if defects.isEmpty { octets.append(octet) }
    }

    /// The end of content whose end is told from outside: the last line gets its CRLF if it has
    /// none, so that it can be sent with DATA.
    mutating func finish() {
        guard framing == .lines else { return }
        switch position {
        case .cr:
            if normalises { endLine(.start) } else { mark(.bareCR) }
        case .text:
            checkLine(lineOctets + 2)
            if defects.isEmpty { octets += [0x0D, 0x0A] }
        case .start, .softStart, .dot, .dotCR, .softDot, .softDotCR:
            break
        }
    }
}
