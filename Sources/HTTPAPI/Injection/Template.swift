/// A text with places for values: `{{name}}`, and `{{{name}}}` for HTML that is not to be escaped.
///
/// Braces round anything that is no name (a letter or underscore, then letters, digits, `_`, `.`,
/// `-`) are text, so that CSS and other templates' syntax pass through; ``unsupported`` tells of
/// them where that would be a surprise.
///
/// Concurrency: value.
struct Template: Hashable, Sendable {
    /// What becomes of a value where it is put in.
    enum Escaping {
        /// As it is.
        case none
        /// `&`, `<`, `>` and quotes become references, except in `{{{name}}}`.
        case html
        /// Control characters become spaces: no value ends a header field.
        case header
    }

    private enum Segment: Hashable, Sendable {
        case text(String)
        case value(String, isRaw: Bool)
    }

    /// As it was given.
    let source: String
    private var segments: [Segment] = []
    /// The names it needs.
    private(set) var names: Set<String> = []
    /// The first pair of braces round something that is no name.
    private(set) var unsupported: String?
    /// There are more places than are looked at: nothing is rendered of it.
    private var hasTooManyPlaces = false

    /// A text in which nothing is put in.
    init(literal text: String) {
        source = text
        segments = [.text(text)]
    }

    /// The same text in which nothing is put in.
    var literal: Template { Template(literal: source) }

    /// Finds the places in a text, in time that grows with its length only.
    init(_ text: String) {
        source = text
        let octets = Array(text.utf8)
        guard let first = octets.firstPair(Self.open, from: 0) else {
            segments = [.text(text)]
            return
        }
        var literalStart = 0
        var next: Int? = first
        // Where the next `}}` and `}}}` stand: not looked for again by every `{{` before them.
        var closings = Closings()
        while let place = next {
            let isRaw = place + 2 < octets.count && octets[place + 2] == Self.open
            let start = place + (isRaw ? 3 : 2)
            guard let close = closings.next(from: start, isRaw: isRaw, in: octets) else { break }
            let name = Self.trimmed(octets[start..<close])
            if Self.isName(name) {
                guard segments.count < APILimits.templatePieces else {
                    hasTooManyPlaces = true
                    break
                }
                appendText(octets[literalStart..<place])
                let name = String(decoding: name, as: UTF8.self)
                segments.append(.value(name, isRaw: isRaw))
                names.insert(name)
                literalStart = close + (isRaw ? 3 : 2)
                next = octets.firstPair(Self.open, from: literalStart)
            } else {
                if unsupported == nil {
                    let inner = String(decoding: octets[start..<close], as: UTF8.self)
                    unsupported = "{{\(inner.prefix(60))}}"
                }
                next = octets.firstPair(Self.open, from: place + 2)
            }
        }
        appendText(octets[literalStart...])
        if segments.isEmpty { segments.append(.text("")) }
    }

    private mutating func appendText(_ octets: ArraySlice<UInt8>) {
        if !octets.isEmpty { segments.append(.text(String(decoding: octets, as: UTF8.self))) }
    }

    private static let open = UInt8(ascii: "{")

    /// Closing braces, found in order.
    private struct Closings {
        private var places: [Int?] = [-1, -1]

        /// The first closing at or after a place that never decreases.
        mutating func next(from start: Int, isRaw: Bool, in octets: [UInt8]) -> Int? {
            let kind = isRaw ? 1 : 0
            guard let known = places[kind], known < start else { return places[kind] }
            var place = octets.firstPair(UInt8(ascii: "}"), from: start)
            while isRaw, let found = place, !octets[found...].starts(with: "}}}".utf8) {
                place = octets.firstPair(UInt8(ascii: "}"), from: found + 1)
            }
            places[kind] = place
            return place
        }
    }

    /// The text with the values put in.
    ///
    /// Every piece is paid for before it is made: a few octets in many places are a text that no
    /// memory holds, and how long it would be is known beforehand.
    func render(
        _ values: [String: String], _ escaping: Escaping, _ budget: inout RenderBudget
    ) throws(RenderingError) -> String {
        guard !hasTooManyPlaces else { throw .messageTooLarge }
        var out = ""
        for segment in segments {
            switch segment {
            case .text(let text):
                try budget.take(text.utf8.count)
                out += text
            case .value(let name, let isRaw):
                guard let value = values[name] else { throw .missing(name) }
                let isEscaped = escaping == .html && !isRaw
                try budget.take(isEscaped ? Self.htmlOctets(value) : value.utf8.count)
                switch escaping {
                case .none: out += value
                case .html: out += isRaw ? value : Self.htmlEscaped(value)
                case .header: out += Self.headerEscaped(value)
                }
            }
        }
        return out
    }

    private static func trimmed(_ octets: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var octets = octets.drop { $0 == 0x20 }
        while octets.last == 0x20 { octets.removeLast() }
        return octets
    }

    private static func isName(_ octets: ArraySlice<UInt8>) -> Bool {
        guard let first = octets.first, octets.count <= 64 else { return false }
        let isStart = (0x41...0x5A).contains(first & 0xDF) || first == 0x5F
        return isStart
            && octets.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0 & 0xDF) || $0 == 0x5F
                    || $0 == 0x2E || $0 == 0x2D
            }
    }

    private static func headerEscaped(_ text: String) -> String {
        String(
            decoding: text.utf8.map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 }, as: UTF8.self)
    }

    /// Octets of a text once it is escaped.
    private static func htmlOctets(_ text: String) -> Int {
        var octets = 0
        for octet in text.utf8 {
            switch octet {
            case UInt8(ascii: "&"), UInt8(ascii: "'"): octets += 5
            case UInt8(ascii: "<"), UInt8(ascii: ">"): octets += 4
            case UInt8(ascii: "\""): octets += 6
            default: octets += 1
            }
        }
        return octets
    }

    private static func htmlEscaped(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case "'": out += "&#39;"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }
}

extension [UInt8] {
    /// The first place from `start` on where an octet stands twice; nil for none.
    fileprivate func firstPair(_ octet: UInt8, from start: Int) -> Int? {
        var place = start
        while place + 1 < count {
            // An octet that is another ends two pairs.
            if self[place + 1] != octet {
                place += 2
            } else if self[place] == octet {
                return place
            } else {
                place += 1
            }
        }
        return nil
    }
}
