/// A sealed segment's file, to be sent.
///
/// Concurrency: may be shared.
package struct SegmentSource: Sendable {
    let file: SegmentFile
    /// What it is.
    package let segment: SealedSegment

    /// Some of its octets.
    ///
    /// - Parameters:
    ///   - offset: From the file's beginning.
    ///   - count: At most; fewer at the end.
    /// - Returns: The octets.
    /// - Throws: When the file cannot be read.
    package func octets(
        at offset: UInt64, count: Int
    ) throws(EventLogError) -> [UInt8] {
        guard offset < segment.octets else { return [] }
        return try file.pages.bytes(
            at: offset, count: Int(min(UInt64(count), segment.octets - offset)))
    }
}
