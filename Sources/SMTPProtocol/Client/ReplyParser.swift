package import MailModel
package import NIOCore

/// Reads replies (RFC 5321 section 4.2) from what a server sends, however it is split.
///
/// ```
/// S: 250-2.1.5 first line
/// S: 250 2.1.5 last line
/// ```
///
/// Lenient: a line may end with LF alone, be longer than 512 octets, or end after the code, as
/// servers in use do. Strict: the code is 200 to 599 and the same in all lines of a reply; sizes are
/// bounded by ``ClientLimits``. Octets of the text that are not printable ASCII become `?`, so that
/// no reply can forge a log line or a header field.
///
/// Nothing is built for a reply whose text nobody asks for.
///
/// Concurrency: value.
package struct ReplyParser: Sendable {
    /// What a call to ``read(_:)`` came to.
    package enum Outcome: Hashable, Sendable {
        /// The reply is not complete; what is left in the buffer is the start of a line.
        case needMore
        /// ``code`` and ``reply()`` are those of a complete reply.
        case complete
        /// This is not SMTP; nothing more can be read.
        case malformed(ReplySyntaxError)
    }

    /// Of the last complete reply.
    package private(set) var code: UInt16 = 0
    /// Its text, printable ASCII, lines separated by LF; enhanced status codes still there.
    package private(set) var text: [UInt8] = []
    private var lines = 0
    private var isComplete = false

    /// A parser at the start of a reply.
    package init() {}

    /// The reply code's first digit.
    package var severity: UInt16 { code / 100 }

    /// Whether part of a reply was read.
    package var isInReply: Bool { lines > 0 && !isComplete }

    /// Takes lines up to the end of a reply; further replies stay in `input`.
    package mutating func read(_ input: inout ByteBuffer) -> Outcome {
        if isComplete {
            isComplete = false
            lines = 0
            text.removeAll(keepingCapacity: true)
        }
        while true {
            let searched = min(input.readableBytes, ClientLimits.replyLineOctets)
            guard let end = Self.lineFeed(in: input, first: searched) else {
                return searched == ClientLimits.replyLineOctets
                    ? .malformed(.lineTooLong) : .needMore
            }
            let line = takeLine(of: input, end: end)
            input.moveReaderIndex(forwardBy: end + 1)
            switch line {
            case .needMore: continue
            case .complete:
                isComplete = true
                return .complete
            case .malformed: return line
            }
        }
    }

    private static func lineFeed(in input: ByteBuffer, first count: Int) -> Int? {
        let bytes = input.readableBytesUInt8Span
        for index in 0..<count where bytes[index] == 0x0A { return index }
        return nil
    }

    /// The line that ends with the LF at `end`; `.complete` when it is the reply's last.
    private mutating func takeLine(of input: ByteBuffer, end: Int) -> Outcome {
        let bytes = input.readableBytesUInt8Span
        let line = bytes.extracting(first: end > 0 && bytes[end - 1] == 0x0D ? end - 1 : end)
        guard line.count >= 3, line[0].isDigit, line[1].isDigit, line[2].isDigit else {
            return .malformed(.noCode)
        }
        let code =
            UInt16(line[0] - 0x30) * 100 + UInt16(line[1] - 0x30) * 10 + UInt16(line[2] - 0x30)
        guard (200...599).contains(code) else { return .malformed(.impossibleCode(code)) }
        guard lines == 0 || code == self.code else {
            return .malformed(.codesDiffer(self.code, code))
        }
        self.code = code
        guard lines < ClientLimits.replyLines else { return .malformed(.tooManyLines) }
        lines += 1
        if lines > 1 { text.append(0x0A) }
        guard line.count > 3 else { return .complete }
        guard line[3] == 0x20 || line[3] == 0x2D else { return .malformed(.noCode) }
        var index = 4
        while index < line.count, text.count < ClientLimits.replyTextOctets {
            let byte = line[index]
            text.append(byte &- 0x20 < 0x5F ? byte : byte == 0x09 ? 0x20 : 0x3F)
            index += 1
        }
        return line[3] == 0x2D ? .needMore : .complete
    }

    /// The last complete reply, with the enhanced status code split off (RFC 2034 section 4).
    ///
    /// Only a status of the code's own class is one: `250 4.1 is our version` has none.
    package func reply() -> Reply {
        guard let status = status(of: text[...]) else {
            return Reply(code, nil, String(decoding: text, as: UTF8.self))
        }
        var plain: [UInt8] = []
        plain.reserveCapacity(text.count)
        for line in text.split(separator: 0x0A, omittingEmptySubsequences: false) {
            if !plain.isEmpty { plain.append(0x0A) }
            let own = self.status(of: line)
            plain.append(
                contentsOf: own?.code == status.code ? line.dropFirst(own?.length ?? 0) : line)
        }
        return Reply(code, status.code, String(decoding: plain, as: UTF8.self))
    }

    /// The status at the start of a line, and how many octets it takes with the space behind it.
    private func status(
        of line: ArraySlice<UInt8>
    ) -> (code: EnhancedStatusCode, length: Int)? {
        guard severity != 3, line.count >= 5, let first = line.first,
            UInt16(first) == severity + 0x30
        else { return nil }
        let word = line.prefix { $0 != 0x20 && $0 != 0x0A }
        guard word.count <= 9, let code = EnhancedStatusCode(String(decoding: word, as: UTF8.self))
        else { return nil }
        let rest = line.dropFirst(word.count)
        return (code, word.count + (rest.first == 0x20 ? 1 : 0))
    }
}

/// Why what a server sent is not a reply.
package enum ReplySyntaxError: Error, Hashable, Sendable {
    /// Longer than ``ClientLimits/replyLineOctets``.
    case lineTooLong
    /// More than ``ClientLimits/replyLines``.
    case tooManyLines
    /// Does not begin with three digits and a space or hyphen.
    case noCode
    /// Below 200 or above 599.
    case impossibleCode(UInt16)
    /// The lines of one reply have different codes.
    case codesDiffer(UInt16, UInt16)

    /// For a reply of our own.
    package var text: String {
        switch self {
        case .lineTooLong:
            "the server's reply has a line over \(ClientLimits.replyLineOctets) octets"
        case .tooManyLines: "the server's reply has more than \(ClientLimits.replyLines) lines"
        case .noCode: "the server's reply does not begin with a code"
        case .impossibleCode(let code): "the server's reply has the impossible code \(code)"
        case .codesDiffer(let first, let other):
            "the lines of the server's reply have different codes, \(first) and \(other)"
        }
    }
}
