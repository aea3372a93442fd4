/// What a repair found, and what it did: see ``LogRepair``.
///
/// Concurrency: value.
package struct RepairReport: Hashable, Sendable {
    /// What was found in each segment's file, oldest first.
    package var files: [RepairedFile] = []
    /// Events that cannot be read any more, ascending.
    package var lostEvents: [LostEvents] = []
    /// Messages whose events are there and whose content cannot be read any more, ascending.
    package var lostContents: [LostContents] = []
    /// Messages whose content is there and whose events are lost, so that nobody knows what they
    /// were. They are not in the new log.
    package var strayContents = 0
    /// Whole batches that are not part of this log's history, for example of another log.
    package var excludedBatches = 0
    /// Of those: batches that may well be, if nobody forged them: see ``LogRepair``.
    package var unprovenBatches = 0
    /// What was read: events, batches, messages with content.
    package var events: UInt64 = 0
    package var batches: UInt64 = 0
    package var contents: UInt64 = 0
    /// The first event of the new log, lost or not.
    package var firstSequence: UInt64 = 1
    /// Why the record of what was pruned cannot be read, so that the new log begins where the oldest
    /// file does; nil when it can, or there is none.
    package var beginningFinding: String?
    /// Whether nothing can have followed the last event that was found.
    package var isEndCertain = true
    /// The old log's id, 16 octets; nil when no segment tells it.
    package var oldLogID: [UInt8]?
    /// Where the old log ends as far as it could be read; nil when nothing could.
    package var oldPosition: Position?
    /// The new log's id; nil when none was written.
    package var newLogID: [UInt8]?
    /// Where the new log ends; nil when none was written.
    package var newPosition: Position?

    /// Events that are lost.
    package var lostEventCount: UInt64 { lostEvents.reduce(0) { $0 + $1.count } }
    /// Messages of which only the content is lost.
    package var lostContentCount: Int { lostContents.reduce(0) { $0 + $1.messages.count } }
    /// Everything was readable.
    package var isComplete: Bool {
        lostEvents.isEmpty && lostContents.isEmpty && strayContents == 0 && isEndCertain
            && beginningFinding == nil
    }

    /// An empty report.
    package init() {}
}

/// What was found in one segment's file.
///
/// Concurrency: value.
package struct RepairedFile: Hashable, Sendable {
    package var path: String
    /// The file is there and could be opened.
    package var isThere: Bool
    package var batches: Int
    package var contentBlocks: Int
    /// It was gone through octet by octet, because its tables do not lead to everything.
    package var isScanned: Bool
    /// What is wrong with it, in words; at most ``EventLogLimits/damagesListedMax``.
    package var findings: [String]
}

/// Events side by side that are lost.
///
/// Concurrency: value.
package struct LostEvents: Hashable, Sendable {
    /// The segment's file that must have held them, as far as can be told.
    package var file: String
    package var sequences: ClosedRange<UInt64>
    /// Times of the last event before them and of the first one behind that can be read, in
    /// microseconds since the Unix epoch; nil at an end of the log.
    package var after: Int64?
    package var before: Int64?

    package var count: UInt64 { sequences.upperBound - sequences.lowerBound + 1 }
}

/// Messages of which only the content is lost.
///
/// Concurrency: value.
package struct LostContents: Hashable, Sendable {
    /// The segment's file that must have held it, as far as can be told.
    package var file: String
    /// Epoch of the messages' events.
    package var epoch: UInt32
    /// Sequences of the events that the content belongs to, ascending.
    package var messages: [UInt64]
}

/// How far a repair is.
///
/// Concurrency: value.
package struct RepairProgress: Hashable, Sendable {
    /// The file being read; empty while the new log is written.
    package var file: String
    package var segment: Int
    package var segmentCount: Int
    /// Last sequence written or checked.
    package var sequence: UInt64
}
