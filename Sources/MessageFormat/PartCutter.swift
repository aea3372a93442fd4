/// Cuts a content where the body of a large MIME part begins and ends (RFC 2046 section 5.1), so that an
/// attachment that many messages carry is the same octets in each, whatever stands before it.
///
/// A content comes in any number of parts; what it is cut into is, one behind the other, what came.
/// Bounded and lenient: no parameter is looked up. A line of two hyphens and some text begins a part
/// when a header with a Content- field follows it, and so does each further line of that text; the
/// message's own header is one, too. What is taken for something else is cut elsewhere, and no more.
///
/// ```
/// Subject: the bill          | a run
/// ...                        |
/// --xyz                      |
/// Content-Type: ...          |
///                            |
/// JVBERi0xLjQKJcOkw7zDtsOf   | a run that is a body, when it is large
/// ...                        |
/// --xyz--                    | a run
/// ```
///
/// Concurrency: value.
package struct PartCutter: Sendable {
    /// Octets that stand together.
    package struct Run: Equatable, Sendable {
        /// At least one.
        package var octets: [UInt8]
        /// Whether they are of a large part's body: other messages may have the same.
        package var isBody: Bool

        /// Creates one.
        package init(octets: [UInt8], isBody: Bool) {
            self.octets = octets
            self.isBody = isBody
        }
    }

    /// A header that is being read.
    private struct Header {
        /// Of the line before it; nil: the message's own.
        var boundary: [UInt8]?
        /// Where that line begins.
        var start: Int
        /// Whether it is a header for sure.
        var isCertain: Bool
        var lines = 0

        /// Octets that it can have.
        var octetsMax: Int {
            boundary == nil ? MessageLimits.headerOctets : MessageLimits.partHeaderOctets
        }
    }

    private let runOctets: Int
    private let bodyOctets: Int
    /// What came and is not cut yet. All offsets are in it.
    private var pending: [UInt8] = []
    /// Where the next line begins; nil: what comes belongs to a line whose beginning is gone.
    private var line: Int? = 0
    /// Where the body begins that goes on.
    private var body: Int?
    /// Whether runs of that body have gone already.
    private var bodyIsLarge = false
    /// Large bodies that are complete, in order.
    private var bodies: [Range<Int>] = []
    private var header: Header? = Header(boundary: nil, start: 0, isCertain: true)
    private var boundaries: [[UInt8]] = []

    /// Begins before the first octet.
    ///
    /// - Parameters:
    ///   - runOctets: Octets of a run at most.
    ///   - bodyOctets: Octets of a body from which on it is large.
    package init(runOctets: Int, bodyOctets: Int) {
        self.runOctets = runOctets
        self.bodyOctets = bodyOctets
    }

    /// Octets that came and are not cut yet: two runs and a header at most, once ``add(_:)`` has returned.
    package var pendingOctets: Int { pending.count }

    /// More of the content.
    ///
    /// - Parameter octets: What comes next.
    /// - Returns: What can be cut now.
    package mutating func add(_ octets: [UInt8]) -> [Run] {
        pending += octets
        scan(isAtEnd: false)
        return cut(isAtEnd: false)
    }

    /// The content has ended.
    ///
    /// - Returns: What is left of it.
    package mutating func finish() -> [Run] {
        scan(isAtEnd: true)
        endBody(at: pending.count)
        return cut(isAtEnd: true)
    }

    // MARK: Lines

    /// Looks at the lines that are complete.
    private mutating func scan(isAtEnd: Bool) {
        while true {
            let start = line ?? 0
            guard let end = lineEnd(from: start) else {
                if isAtEnd, let line, line < pending.count { take(line..<pending.count) }
                // A line without end is no field's.
                if let header, pending.count - header.start > header.octetsMax { self.header = nil }
                return
            }
            if line != nil { take(start..<end) }
            line = end
        }
    }

    private func lineEnd(from start: Int) -> Int? {
        let octets = pending.span
        var index = start
        while index < octets.count {
            if octets[index] == 0x0A { return index + 1 }
            index += 1
        }
        return nil
    }

    private mutating func take(_ line: Range<Int>) {
        if header != nil, takeInHeader(line) { return }
        guard let boundary = boundary(in: line) else { return }
        if boundaries.contains(boundary) {
            endBody(at: line.lowerBound)
            header = Header(boundary: boundary, start: line.lowerBound, isCertain: true)
        } else if boundary.suffix(2) == [0x2D, 0x2D],
            boundaries.contains(Array(boundary.dropLast(2)))
        {
            endBody(at: line.lowerBound)
        } else {
            header = Header(boundary: boundary, start: line.lowerBound, isCertain: false)
        }
    }

    /// Takes a line as one of the header that is being read; false: it is none, and neither is the
    /// header.
    private mutating func takeInHeader(_ line: Range<Int>) -> Bool {
        guard var header else { return false }
        header.lines += 1
        let text = pending[line]
        let isEmpty = text.allSatisfy { $0 == 0x0D || $0 == 0x0A }
        if isEmpty, header.isCertain {
            endBody(at: header.start)
            if let boundary = header.boundary { know(boundary) }
            body = line.upperBound
            self.header = nil
            return true
        }
        let isContinuation = header.lines > 1 && (text.first == 0x20 || text.first == 0x09)
        guard !isEmpty, isContinuation || Self.isField(text),
            line.upperBound - header.start <= header.octetsMax
        else {
            self.header = nil
            return isEmpty
        }
        if Self.isContentField(text) { header.isCertain = true }
        self.header = header
        return true
    }

    private mutating func know(_ boundary: [UInt8]) {
        guard !boundaries.contains(boundary) else { return }
        // The innermost came last; of those that nest deeper than anybody's, the outer ones go on.
        if boundaries.count == MessageLimits.partBoundaries { boundaries.removeLast() }
        boundaries.append(boundary)
    }

    private mutating func endBody(at end: Int) {
        guard let start = body else { return }
        if bodyIsLarge || end - start >= bodyOctets, end > start { bodies.append(start..<end) }
        body = nil
        bodyIsLarge = false
    }

    /// The text behind the two hyphens; nil when a line cannot begin or end a part.
    private func boundary(in line: Range<Int>) -> [UInt8]? {
        // Two hyphens before, two behind, the line's end, and some spaces.
        guard line.count > 2, line.count <= MessageLimits.boundaryOctets + 16,
            pending[line.lowerBound] == 0x2D, pending[line.lowerBound + 1] == 0x2D
        else { return nil }
        let text = pending[line].dropFirst(2)
        let end = text.lastIndex { $0 > 0x20 }
        guard let end else { return nil }
        return Array(text[...end])
    }

    private static func isField(_ line: ArraySlice<UInt8>) -> Bool {
        guard let colon = line.firstIndex(of: 0x3A), colon > line.startIndex else { return false }
        return line[..<colon].allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }

    private static func isContentField(_ line: ArraySlice<UInt8>) -> Bool {
        line.count > 8 && zip(line, "content-".utf8).allSatisfy { $0 | 0x20 == $1 | 0x20 }
    }

    // MARK: Cutting

    /// How far it is certain what the octets are.
    private var certainOctets: Int {
        if let header { return header.start }
        guard let line else { return pending.count }
        let rest = pending.count - line
        // No line that matters is longer; a short one may begin a part.
        let isLong = rest > MessageLimits.boundaryOctets + 16
        let isPlain = rest >= 2 && (pending[line] != 0x2D || pending[line + 1] != 0x2D)
        return isLong || isPlain ? pending.count : line
    }

    private mutating func cut(isAtEnd: Bool) -> [Run] {
        var runs: [Run] = []
        var start = 0
        for body in bodies {
            append(start..<body.lowerBound, isBody: false, to: &runs)
            append(body, isBody: true, to: &runs)
            start = body.upperBound
        }
        bodies = []
        if isAtEnd {
            append(start..<pending.count, isBody: false, to: &runs)
            start = pending.count
            line = nil
        } else {
            start = cutUnfinished(from: start, &runs)
        }
        drop(start)
        return runs
    }

    /// Cuts whole runs off what goes on.
    private mutating func cutUnfinished(from start: Int, _ runs: inout [Run]) -> Int {
        let certain = certainOctets
        var start = start
        if let body, certain - body >= runOctets {
            append(start..<body, isBody: false, to: &runs)
            start = body + (certain - body) / runOctets * runOctets
            append(body..<start, isBody: true, to: &runs)
            self.body = start
            bodyIsLarge = true
        } else if !bodyIsLarge {
            let end = max(start, min(body ?? certain, certain))
            let whole = start + (end - start) / runOctets * runOctets
            append(start..<whole, isBody: false, to: &runs)
            start = whole
        }
        return start
    }

    private func append(_ range: Range<Int>, isBody: Bool, to runs: inout [Run]) {
        var start = range.lowerBound
        while start < range.upperBound {
            let end = min(start + runOctets, range.upperBound)
            runs.append(Run(octets: Array(pending[start..<end]), isBody: isBody))
            start = end
        }
    }

    private mutating func drop(_ octets: Int) {
        guard octets > 0 else { return }
        pending.removeFirst(octets)
        body = body.map { $0 - octets }
        header?.start -= octets
        // Its beginning may be gone: then what comes next is not the beginning of a line.
        line = line.flatMap { $0 < octets ? nil : $0 - octets }
    }
}
