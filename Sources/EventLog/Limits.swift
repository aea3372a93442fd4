/// The limits of the log, in one place.
package enum EventLogLimits {
    /// Octets of one append's contents and events together; a larger one fails with `tooLarge`
    /// (552 5.3.4 to an SMTP client). LMDB 0.9.24 doubles its estimate of a value's pages against
    /// 131,071 dirty pages, so that a transaction of 255 MiB would begin to spill.
    package static let appendOctetsMax = 128 << 20

    /// Octets of raw content in one block; a larger message is a block of its own. Large enough
    /// for near-identical messages to share, small enough to inflate for one message.
    package static let contentBlockOctets = 256 << 10

    /// Raw octets of the batches in one group of a compacted segment: enough for a frame to share
    /// what batches have in common (four times as much saves 4 % more), little enough to inflate for
    /// one event.
    package static let groupOctets = 256 << 10

    /// Octets of raw content in one block of a compacted segment.
    package static let compactedBlockOctets = 1 << 20

    /// Octets that one transaction of a compaction stores, about: bounds its memory, and LMDB's
    /// dirty pages.
    static let compactionTransactionOctets = 8 << 20

    /// Octets that a rewritten segment is taken to need beside its two tables: LMDB's own pages.
    static let compactionOverheadOctets: UInt64 = 64 << 10

    /// Octets of the file system that stay free of every compaction, also of one that makes room: for the
    /// commits of what is under way when the disk is full, as ``roomAheadFreeMin``.
    static let compactionReserve: UInt64 = 64 << 20

    /// Milliseconds between two looks at which content of compacted segments can go, which reads all
    /// of it, and at segments that could not be compacted.
    static let contentLookMilliseconds: UInt64 = 600_000

    /// Octets that are read at a time when a segment is copied to an archive.
    static let copyOctets = 1 << 20

    /// Octets of the record of what was pruned that are read: a path and some projections' names.
    static let prunedOctetsMax = 64 << 10

    /// Groups that a reader keeps inflated.
    static let groupsCached = 4

    /// Octets that a frame may inflate to. Protects a reader from a damaged or hostile length.
    package static let inflatedOctetsMax: UInt64 = 512 << 20

    /// Octets that one event is taken to need when a batch is bounded, before it is encoded.
    package static let eventOctetsGuess = 256

    /// Files of one log that a reader keeps open. Protects the process's descriptors.
    package static let openFilesMax = 32

    /// Milliseconds between two looks at the disk's free space.
    package static let freeSpaceIntervalMilliseconds: UInt64 = 250

    /// Milliseconds between two looks at the log of another process while waiting for a batch.
    package static let pollMilliseconds = 50

    /// Pages at a file's end that may be missing because they are free and LMDB never wrote them.
    package static let missingPagesMax = 1_024

    /// Damages that one report lists; the rest are counted.
    package static let damagesListedMax = 1_000

    /// Octets that a search for values in a damaged file reads at a time.
    package static let scanWindowOctets = 1 << 20

    /// Octets of values that a repair gathers before it commits. More commits cost flushes, larger
    /// ones memory.
    package static let repairCommitOctets = 8 << 20

    /// Events in one batch of placeholders, as many as in the largest batch that a writer makes.
    package static let placeholdersPerBatch = 10_000

    /// Events side by side that a repair puts placeholders for; more are refused. Protects the disk
    /// from a file that does not belong there.
    package static let lostEventsMax: UInt64 = 1 << 32

    /// Events behind the last readable one that a record without a checksum is believed to have
    /// counted. More than a segment holds.
    package static let lostTailMax: UInt64 = 1 << 24

    /// Microseconds by which a time that is under no checksum may lie ahead of the clock and of the last
    /// event and be believed. The clocks of sites that take over from one another do not differ by an
    /// hour, and an hour too much is gone after ten (``LogClock``). Nothing is lost with what is not
    /// believed: no event has that time.
    static let uncheckedTimeAheadMax: Int64 = 3_600_000_000

    /// Octets that are written ahead of a segment's end at a time: a commit of them more takes about a
    /// millisecond longer than one of none, and more of them at a time gain nothing.
    static let roomAhead = 256 << 10

    /// Octets of room that a commit finds beside those that it brings: for the pages of the trees.
    static let roomAheadReserve = 64 << 10

    /// Free octets of the file system below which no room is made: what is left of a full disk is for the
    /// commits themselves, and for the pages of LMDB's lock files, which end the process (SIGBUS) when
    /// they find none.
    static let roomAheadFreeMin: UInt64 = 64 << 20

    /// A commit of more octets than this gets no room made for it: what it would save is what the zeros
    /// would cost.
    static let roomAheadCommitMax = 64 << 10

    /// A segment's format is believed up to this, far more than there will be: the record is under no
    /// checksum, and most of its bits when they flip name a larger one.
    static let formatMax: UInt32 = 255

    /// An epoch that only records without a checksum name is believed below this: a flipped bit must
    /// leave room for the reigns to come.
    static let namedEpochMax: UInt32 = 1 << 31

    /// How often the writer's lock is tried, and microseconds between: a command that asks whether
    /// a server runs holds it for less.
    package static let lockTries = 10
    package static let lockPauseMicroseconds: UInt32 = 5_000
}
