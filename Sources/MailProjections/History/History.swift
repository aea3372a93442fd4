import EventLog
import MailEvents
import MailModel
import Projections

/// Where in the log the events of each message, and the messages of each recipient, sender, campaign,
/// tenant and domain are: an index of sequences, not the events themselves.
///
/// The log is cut into chunks of equal numbers of sequences. In the open chunk the fold appends
/// postings to one flat array a kind; when the chunk is full they are sorted and cut into pieces of
/// about a page, which never change again. Pieces are handed out with the next checkpoint and then
/// stand in the file only: what is in memory is the open chunk and, of each sealed one, the first
/// postings of its pieces. Chunks older than the declared retention are dropped.
///
/// A key is found by 44 bits of a hash, seeded by the log's first event so that nobody can choose
/// keys that collide; whoever looks up compares the real key in the event that is found.
///
/// Concurrency: value.
package struct History: Sendable {
    /// What is kept beside the postings; the row with key 0: bits (1), seed (8), last sequence
    /// (varint), open chunk and oldest chunk (varint each), first sequence of the index (varint), time
    /// of the last event (8), the run's epoch and sequence (varint each), then for each kind the
    /// postings in the open chunk (varint).
    struct Head: Hashable, Sendable {
        /// A chunk has 2 to the power of so many sequences; 20 at most.
        var chunkBits: UInt64
        /// For the hashes; the first event's time, 0 before it.
        var seed: UInt64 = 0
        var lastSequence: UInt64 = 0
        /// The number of the open chunk: its sequences, shifted by the bits.
        var openChunk: UInt64 = 0
        /// No chunk before it is kept.
        var oldestChunk: UInt64 = 0
        /// No posting is of an event before it.
        var firstSequence: UInt64 = 1
        /// Of the last event, microseconds since the Unix epoch.
        var lastTime = Int64.min
        /// The message whose `queued` events may come next, right behind its `received`.
        var run: MessageID?
    }

    /// A chunk that was sealed, with its pieces.
    struct Sealed: Sendable {
        var chunk: HistoryChunk
        var pieces: [[PostingPiece]]
    }

    var head: Head
    /// Of the open chunk, by kind, in the order of arrival.
    var open = [[UInt64]](repeating: [], count: HistoryKind.count)
    /// Of the sealed chunks that are kept, ascending.
    var chunks: [HistoryChunk] = []
    /// Sealed since the last checkpoint was taken.
    var pending: [Sealed] = []
    /// Given out with the last checkpoint; kept in case it could not be written.
    var taken: [Sealed] = []
    /// Dropped since the last checkpoint, and given out with it.
    var dropped: [HistoryChunk] = []
    var droppedTaken: [HistoryChunk] = []
    /// By kind: postings of the open chunk that the file has as they are, and blocks it has.
    var saved = [Int](repeating: 0, count: HistoryKind.count)
    var savedBlocks = [Int](repeating: 0, count: HistoryKind.count)
    var takenBlocks = [Int](repeating: 0, count: HistoryKind.count)
    var needsWhole = true
    var isTakenWhole = false
    /// Whether pieces are kept until a checkpoint has them.
    var keepsPieces = true
    /// The batch that is being applied.
    var texts: BatchTexts?

    /// The state before the first event.
    package init() { self.init(chunkBits: Limits.historyChunkBits) }

    /// A state with chunks of another size, for tests.
    init(chunkBits: UInt64) { head = Head(chunkBits: chunkBits) }

    /// The last event applied.
    package var lastSequence: UInt64 { head.lastSequence }

    /// Goes on behind a head without what came before: for the part of the log that a file lacks.
    init(behind head: Head) {
        self.head = head
    }

    // MARK: Sealing

    /// Adds a posting to the open chunk.
    @inline(__always)
    mutating func post(_ kind: HistoryKind, key: UInt64, at sequence: UInt64) {
        let offset = sequence & (1 << head.chunkBits - 1)
        open[kind.index].append(Posting(key: key, offset: offset).word)
    }

    /// Closes the open chunk and begins another one.
    mutating func seal(next: UInt64) {
        // Every chunk has its row, so that a missing one is known to be missing.
        while head.openChunk < next {
            var pieces: [[PostingPiece]] = []
            for kind in HistoryKind.allCases {
                Posting.sort(&open[kind.index])
                pieces.append(
                    PostingPiece.pieces(
                        of: open[kind.index], octets: Limits.historyPieceOctets))
                open[kind.index].removeAll(keepingCapacity: true)
                saved[kind.index] = 0
            }
            let chunk = HistoryChunk(
                number: UInt32(truncatingIfNeeded: head.openChunk), lastTime: head.lastTime,
                pieces: pieces)
            chunks.append(chunk)
            if keepsPieces { pending.append(Sealed(chunk: chunk, pieces: pieces)) }
            head.openChunk += 1
        }
        dropOld()
    }

    /// Drops the chunks that ended before the declared retention.
    private mutating func dropOld() {
        let limit = head.lastTime.subtractingReportingOverflow(Limits.historyMicrosecondsKept)
        guard !limit.overflow else { return }
        let count = chunks.prefix { $0.lastTime < limit.partialValue }.count
        guard count > 0 else { return }
        dropped += chunks.prefix(count)
        chunks.removeFirst(count)
        let oldest = chunks.first.map { UInt64($0.number) } ?? head.openChunk
        head.oldestChunk = oldest
        pending.removeAll { UInt64($0.chunk.number) < oldest }
        head.firstSequence = max(1, head.oldestChunk << head.chunkBits)
    }

    package mutating func expectNoCheckpoint() {
        keepsPieces = false
        pending = []
        taken = []
    }
}
