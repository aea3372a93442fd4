/// An enhanced status code: class.subject.detail (RFC 3463).
package struct EnhancedStatusCode: Hashable, Sendable, LosslessStringConvertible {
    /// 2 success, 4 persistent transient failure, 5 permanent failure.
    package var `class`: UInt8
    /// What the status is about: 0 to 999.
    package var subject: UInt16
    /// The exact status: 0 to 999.
    package var detail: UInt16

    /// Creates `class.subject.detail`.
    package init(_ class: UInt8, _ subject: UInt16, _ detail: UInt16) {
        self.class = `class`
        self.subject = subject
        self.detail = detail
    }

    /// Reads `5.1.1`; nil when the text is not of RFC 3463's form.
    package init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3,
            let `class` = Self.number(parts[0], digits: 1), [2, 4, 5].contains(`class`),
            let subject = Self.number(parts[1], digits: 3),
            let detail = Self.number(parts[2], digits: 3)
        else { return nil }
        self.init(UInt8(`class`), subject, detail)
    }

    private static func number(_ text: some Collection<UInt8>, digits: Int) -> UInt16? {
        guard (1...digits).contains(text.count), text.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 })
        else { return nil }
        return text.reduce(0) { $0 * 10 + UInt16($1 - 0x30) }
    }

    /// `class.subject.detail`, for example `4.3.1`.
    package var description: String { "\(`class`).\(subject).\(detail)" }
}

/// A peer's or our own answer to a command (RFC 5321 section 4.2, RFC 2034).
package struct Reply: Hashable, Sendable, CustomStringConvertible {
    /// 200 to 559; the first digit decides success, transient or permanent failure.
    package var code: UInt16
    /// The enhanced code, when the text began with one of the same class (RFC 2034 section 4).
    package var status: EnhancedStatusCode?
    /// The text without code and enhanced code; lines of a multi-line reply joined by `\n`.
    package var text: String

    /// Creates a reply.
    package init(_ code: UInt16, _ status: EnhancedStatusCode?, _ text: String) {
        self.code = code
        self.status = status
        self.text = text
    }

    /// 2yz: the command was done.
    package var isPositiveCompletion: Bool { code / 100 == 2 }
    /// 4yz: may succeed when tried again (RFC 5321 section 4.2.1).
    package var isTransientNegative: Bool { code / 100 == 4 }
    /// 5yz: will not succeed.
    package var isPermanentNegative: Bool { code / 100 == 5 }

    /// `550 5.1.1 no such user`, on one line.
    package var description: String {
        let text = text.replacing("\n", with: " ")
        return status.map { "\(code) \($0) \(text)" } ?? "\(code) \(text)"
    }
}
