/// Sees the events of a batch one after the other without any value being built.
///
/// For folds and statistics over millions of events: several times as fast as
/// ``MailEventDecoder/decode(_:firstSequence:epoch:firstTime:)``. What is the same for many events
/// (tenant, campaign, domain) arrives as a number of the batch's text table, which a visitor looks
/// up once a batch.
package protocol EventVisitor: ~Copyable {
    /// What it looks at; everything unless it says otherwise.
    static var fields: EventFields { get }
    /// A batch begins; the numbers of texts are good until the next one.
    mutating func begin(_ texts: BatchTexts)
    /// Whether it wants the batch that has begun, which has events of these types. Without, it sees
    /// none of them.
    mutating func wants(_ types: EventTypes) -> Bool
    /// The next event.
    mutating func visit(_ event: EventView)
}

extension EventVisitor where Self: ~Copyable {
    package static var fields: EventFields { .all }
    package mutating func wants(_ types: EventTypes) -> Bool { true }
}

/// The text table of a batch, read in place. Number 0 is the empty text.
///
/// Concurrency: value.
package struct BatchTexts: Sendable {
    /// The batch.
    package let bytes: [UInt8]
    let ranges: [Range<Int>]

    init(bytes: [UInt8], ranges: [Range<Int>]) {
        self.bytes = bytes
        self.ranges = ranges
    }

    /// The greatest number; numbers from 0 to this are texts.
    package var lastNumber: Int { ranges.count }

    /// The UTF-8 octets of a text, which may be damaged UTF-8. Traps beyond ``lastNumber``.
    package subscript(octets number: UInt32) -> ArraySlice<UInt8> {
        number == 0 ? [] : bytes[ranges[Int(number) - 1]]
    }

    /// The text as a value of its own. Traps beyond ``lastNumber``.
    package subscript(number: UInt32) -> String {
        number == 0 ? "" : String(repairing: bytes.span.extracting(ranges[Int(number) - 1]))
    }

    /// Where the octets of a text stand in ``bytes``. Traps beyond ``lastNumber``.
    package func range(_ number: UInt32) -> Range<Int> {
        number == 0 ? 0..<0 : ranges[Int(number) - 1]
    }

    /// Whether all texts are UTF-8: then their octets are those of the strings that a decoder makes.
    package var areIntact: Bool {
        let octets = bytes.span
        guard let first = ranges.first, let last = ranges.last else { return true }
        // They stand one behind the other, with a tag and a length before each.
        if first.lowerBound <= last.upperBound,
            Self.isASCII(octets.extracting(first.lowerBound..<last.upperBound)),
            ranges.allSatisfy({
                $0.lowerBound >= first.lowerBound && $0.upperBound <= last.upperBound
            })
        {
            return true
        }
        return ranges.allSatisfy { (try? UTF8Span(validating: octets.extracting($0))) != nil }
    }

    private static func isASCII(_ octets: Span<UInt8>) -> Bool {
        var all: UInt8 = 0
        for index in octets.indices { all |= octets[index] }
        return all < 0x80
    }
}
