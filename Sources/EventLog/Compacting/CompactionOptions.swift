internal import Glibc

/// How sealed segments are rewritten. The defaults are for production.
///
/// Concurrency: value; its closures are called on the thread that compacts.
package struct CompactionOptions: Sendable {
    /// Says which of these messages, named by the sequences of their events, ascending, must keep
    /// their content. What it leaves out is final. nil: it cannot be told now, so all do.
    package typealias Needed = @Sendable (_ messages: [UInt64]) -> Set<UInt64>?

    /// Zstandard level of the events' frames and of the content blocks.
    package var level: Int32 = 9
    /// Octets a second, of events and content together, that are read to see which content can go, or
    /// are copied, or are read again when they have been; raw ones but for the first; 0: as fast as it
    /// goes.
    package var octetsPerSecond = 16 << 20
    /// Seconds after a segment's seal during which its content is kept although its messages are
    /// final; nil: content is never dropped.
    package var contentRetentionSeconds: Int64?
    /// Which messages are not final.
    package var needed: Needed = { _ in nil }
    /// A segment that is compacted already is rewritten once so many percent of its content's
    /// octets can go.
    package var droppablePercent = 25
    /// Seconds between two looks for something to do.
    package var intervalSeconds = 2
    /// Waits so many milliseconds, at most 200, to keep to the rate.
    var pause: @Sendable (_ milliseconds: Int) -> Void = { _ = usleep(UInt32($0) * 1_000) }

    /// The production defaults, which drop no content.
    package init() {}
}

/// What became of one segment.
///
/// Concurrency: value.
package struct CompactionReport: Hashable, Sendable {
    package var file: String
    package var firstSequence: UInt64
    package var lastSequence: UInt64
    /// Octets of the file before and after.
    package var octetsBefore: UInt64
    package var octetsAfter: UInt64
    /// Messages whose content is there still.
    package var contentsKept: Int
    /// Messages whose content was dropped now.
    package var contentsDropped: Int
}
