/// Sees the events of a batch one after the other without any value being built.
///
/// For folds and statistics over millions of events: several times as fast as
/// ``MailEventDecoder/decode(_:firstSequence:epoch:firstTime:)``. What is the same for many events
/// (tenant, campaign, domain) arrives as a number of the batch's text table, which a visitor looks
/// up once a batch.
package protocol EventVisitor: ~Copyable {
    /// A batch begins; the numbers of texts are good until the next one.
    mutating func begin(_ texts: BatchTexts)
    /// The next event.
    mutating func visit(_ event: EventView)
}

/// The text table of a batch, read in place. Number 0 is the empty text.
///
/// Concurrency: value.
package struct BatchTexts: Sendable {
    let bytes: [UInt8]
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
}
