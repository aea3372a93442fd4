/// What of a log is to be kept. Whole segments go, from the front; the one that is written and what
/// is needed never.
///
/// Concurrency: value.
package struct PruneLimits: Hashable, Sendable {
    /// A segment goes when its last event is older than so many seconds.
    package var keepSeconds: Int64?
    /// The oldest segments go until what is left takes no more octets than this on the disk.
    package var keepOctets: UInt64?
    /// A segment goes when all its events are before this sequence.
    package var beforeSequence: UInt64?
    /// A segment goes when all its events are before this time, microseconds since the Unix epoch.
    package var beforeTime: Int64?

    /// Nothing goes.
    package init() {}

    /// Whether nothing can go.
    package var isOff: Bool {
        keepSeconds == nil && keepOctets == nil && beforeSequence == nil && beforeTime == nil
    }
}

/// Which segments go, and why no more than those do.
///
/// Concurrency: value.
package struct PrunePlan: Hashable, Sendable {
    /// Why the first segment that stays does.
    package enum Reason: Hashable, Sendable {
        /// The limits say so.
        case retained
        /// The message with this sequence waits for delivery, or something else needs its events.
        case needed(UInt64)
        /// It is being written.
        case written
    }

    /// Oldest first.
    package var segments: [SegmentInfo]
    /// The first event that stays.
    package var firstKept: UInt64
    package var reason: Reason

    /// Octets on the disk of what goes.
    package var octets: UInt64 { segments.reduce(0) { $0 + $1.fileBytes } }

    /// Decides.
    ///
    /// - Parameters:
    ///   - segments: Of the log, oldest first.
    ///   - limits: What is to be kept. A segment goes when one of them says so.
    ///   - now: Microseconds since the Unix epoch.
    ///   - needed: The oldest event that something needs; nil when nothing is needed.
    package init(_ segments: [SegmentInfo], limits: PruneLimits, now: Int64, needed: UInt64?) {
        var octets = segments.reduce(0) { $0 + $1.fileBytes }
        var count = 0
        reason = .retained
        for segment in segments {
            guard segment.isSealed, count < segments.count - 1 else {
                reason = .written
                break
            }
            guard limits.lets(segment, now: now, octets: octets) else { break }
            if let needed, needed <= segment.lastSequence {
                reason = .needed(needed)
                break
            }
            octets -= segment.fileBytes
            count += 1
        }
        self.segments = Array(segments.prefix(count))
        firstKept = count < segments.count ? segments[count].firstSequence : 1
    }
}

extension PruneLimits {
    /// Whether a segment may go, with those before it gone.
    ///
    /// - Parameters:
    ///   - segment: A sealed one.
    ///   - now: Microseconds since the Unix epoch.
    ///   - octets: Of the segment and all behind it.
    /// - Returns: Whether one of the limits says so.
    fileprivate func lets(_ segment: SegmentInfo, now: Int64, octets: UInt64) -> Bool {
        // The times of its creation and seal are under no checksum: nothing is removed because of them.
        if let keepSeconds, let time = segment.lastTime,
            now.subtractingClamping(time) > keepSeconds.multipliedClamping(by: 1_000_000)
        {
            return true
        }
        if let keepOctets, octets > keepOctets { return true }
        if let beforeSequence, segment.lastSequence < beforeSequence { return true }
        if let beforeTime, let time = segment.lastTime, time < beforeTime { return true }
        return false
    }
}

/// What was removed.
///
/// Concurrency: value.
package struct PruneReport: Hashable, Sendable {
    package var record: PruneRecord
    /// What is gone, oldest first; the paths are those it had.
    package var segments: [SegmentInfo]

    /// Octets given back.
    package var octets: UInt64 { segments.reduce(0) { $0 + $1.fileBytes } }
}
