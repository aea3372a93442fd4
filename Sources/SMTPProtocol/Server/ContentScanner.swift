#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif

/// Takes in the content of one message as it arrives: finds its end, removes the dots of
/// transparency (RFC 5321 section 4.5.2) and looks for what must not be in it.
///
/// Only CRLF.CRLF ends dotted content (section 4.1.1.4). What is found does not depend on how the
/// content is cut into reads. Whole lines are searched with memchr and copied in runs; only what is
/// odd goes octet by octet (`ContentScanner+Steps.swift`).
///
/// Concurrency: value.
struct ContentScanner: Sendable {
    /// How the end of the content is known.
    enum Framing: Sendable {
        /// DATA: lines up to CRLF.CRLF.
        case dotted
        /// BDAT: lines, the end is told from outside.
        case lines
        /// BDAT with BODY=BINARYMIME: any octets.
        case binary
    }

    /// What content can have wrong with it.
    struct Defects: OptionSet, Sendable {
        let rawValue: UInt8
        static let tooLarge = Defects(rawValue: 1)
        static let nul = Defects(rawValue: 2)
        static let bareCR = Defects(rawValue: 4)
        static let bareLF = Defects(rawValue: 8)
        static let longLine = Defects(rawValue: 16)
        /// Nothing wrong with it, but the shell has no room for it.
        static let unwanted = Defects(rawValue: 32)
    }

    /// Where in a line the next octet stands.
    enum Position: Sendable {
        /// At the start of a line: after CRLF, or at the very start.
        case start
        /// Inside a line; the octet before is not CR.
        case text
        /// After a CR that may begin a CRLF.
        case cr
        /// After a dot at the start of a line.
        case dot
        /// After dot and CR at the start of a line.
        case dotCR
        /// The three again, for a line whose start was made by repairing a bare CR or LF: it cannot
        /// be the end.
        case softStart, softDot, softDotCR
    }

    let framing: Framing
    /// Whether bare CR and LF become CRLF instead of defects.
    let normalises: Bool
    /// Octets allowed in all, and in a line; 0: any number.
    let maximumOctets: Int
    let maximumLineOctets: Int
    /// Octets the client announced: how much to reserve, at most.
    let announcedOctets: Int

    /// The content so far, without the pieces that were taken; empty once there is a defect.
    var octets: [UInt8] = []
    /// Octets of the pieces that were taken.
    private(set) var takenOctets = 0
    var defects: Defects = []
    /// Whether there was an octet above 127.
    var hasEightBit = false
    /// Octets of the content so far, kept or not.
    var size = 0
    /// Octets of the current line so far.
    var lineOctets = 0
    var position = Position.start

    init(
        framing: Framing, normalises: Bool, maximumOctets: Int, maximumLineOctets: Int,
        announcedOctets: Int = 0
    ) {
        self.framing = framing
        self.normalises = normalises
        self.maximumOctets = maximumOctets
        self.maximumLineOctets = maximumLineOctets
        self.announcedOctets = announcedOctets
    }

    /// Takes octets in: how many were used, and whether the last of them ended the content.
    ///
    /// Only dotted content ends by itself; everything is used when it does not.
    mutating func scan(_ bytes: Span<UInt8>) -> (used: Int, ended: Bool) {
        guard bytes.count > 0 else { return (0, false) }
        if defects.isEmpty, octets.capacity == 0 {
            octets.reserveCapacity(
                max(min(announcedOctets, GrammarLimits.announcedContentOctets), bytes.count))
        }
        return unsafe bytes.withUnsafeBufferPointer { unsafe scan($0) }
    }

    private mutating func scan(_ bytes: UnsafeBufferPointer<UInt8>) -> (used: Int, ended: Bool) {
        if framing == .binary {
            unsafe append(bytes)
            return (bytes.count, false)
        }
        var index = 0
        while index < bytes.count {
            switch position {
            case .start, .text:
                index = unsafe scanLines(bytes, from: index)
            case .cr, .dot, .dotCR, .softStart, .softDot, .softDotCR:
                index += 1
                if step(unsafe bytes[index - 1]) { return (index, true) }
            }
        }
        return (index, false)
    }

    /// Scans from a line's start or inside: whole lines, and as much of the last as is there.
    ///
    /// Returns the first index it did not use. Never sees the end: a dot at a line's start is left
    /// to ``step(_:)``.
    private mutating func scanLines(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        guard let base = bytes.baseAddress else { return bytes.count }
        let end = bytes.count
        /// The line that is searched, and how many octets of it came earlier.
        var line = start
        var earlier = position == .text ? lineOctets : 0
        var atStart = position == .start
        var lines = 0
        while line < end {
            if atStart, framing == .dotted, unsafe bytes[line] == UInt8(ascii: ".") {
                if unsafe !flush(bytes, start..<line, lines) {
                    position = .start
                    lineOctets = 0
                }
                _ = step(UInt8(ascii: "."))
                return line + 1
            }
            guard let found = unsafe memchr(base + line, 0x0A, end - line) else { break }
            let lineFeed = unsafe UnsafeRawPointer(found) - UnsafeRawPointer(base)
            guard lineFeed > line, unsafe bytes[lineFeed - 1] == 0x0D else {
                if unsafe !flush(bytes, start..<lineFeed, lines) {
                    position = lineFeed > line || !atStart ? .text : .start
                    lineOctets = earlier + lineFeed - line
                }
                _ = step(0x0A)
                return lineFeed + 1
            }
            checkLine(earlier + lineFeed + 1 - line)
            lines += 1
            line = lineFeed + 1
            earlier = 0
            atStart = true
        }
        let endsInCR = unsafe line < end && bytes[end - 1] == 0x0D
        let runEnd = endsInCR ? end - 1 : end
        if unsafe !flush(bytes, start..<runEnd, lines) {
            position = runEnd > line || !atStart ? .text : .start
            lineOctets = earlier + runEnd - line
        }
        checkLine(lineOctets)
        if endsInCR { _ = step(0x0D) }
        return end
    }

    /// Takes a run with so many CRLF in it, and no LF besides. Returns whether it went octet by
    /// octet, and ``position`` is right therefore.
    private mutating func flush(
        _ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ lines: Int
    ) -> Bool {
        guard !range.isEmpty else { return false }
        let run = unsafe UnsafeBufferPointer(rebasing: bytes[range])
        let statistics = unsafe RunStatistics(run)
        if statistics.carriageReturns != lines {
            if normalises {
                for index in range { _ = step(unsafe bytes[index]) }
                return true
            }
            mark(.bareCR)
        }
        if statistics.hasNUL { mark(.nul) }
        if statistics.hasEightBit { hasEightBit = true }
        unsafe append(run)
        return false
    }

    private mutating func append(_ run: UnsafeBufferPointer<UInt8>) {
        size += run.count
        if maximumOctets > 0, size > maximumOctets { mark(.tooLarge) }
        if defects.isEmpty { unsafe octets.append(contentsOf: run) }
    }

    /// Takes the first octets of the content away, leaving at least one.
    mutating func takePiece(_ count: Int) -> [UInt8] {
        let rest = Array(octets[count...])
        octets.removeSubrange(count...)
        takenOctets += count
        defer { octets = rest }
        return octets
    }

    /// Notes a defect; nothing is kept from here on.
    mutating func mark(_ defect: Defects) {
        defects.insert(defect)
        octets = []
    }

    /// Checks the length of a line with its CRLF, or of what is there of it.
    mutating func checkLine(_ octets: Int) {
        if maximumLineOctets > 0, octets > maximumLineOctets { mark(.longLine) }
    }
}
