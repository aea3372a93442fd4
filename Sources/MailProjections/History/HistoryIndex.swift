package import EventLog
package import Projections

/// Where postings are looked for: in a file, and in memory what the file lacks.
///
/// Concurrency: value; what it remembers of the file is behind a lock.
package struct HistoryIndex: Sendable {
    /// Why no index can be used.
    package struct Unavailable: Error, Hashable, Sendable, CustomStringConvertible {
        package var description: String
        /// The event that stops the index; nil while it is only being made.
        package var stoppedAt: UInt64?

        /// Says why.
        package init(description: String) { self.description = description }

        /// Names the event that stops the index.
        init(_ refusal: RefusedEvent) {
            description = "the index of messages has stopped before \(refusal)"
            stoppedAt = refusal.first
        }
    }

    private let rows: ProjectionRows?
    /// What the file may lack; a posting may be in several of them and in the file.
    private let memories: [History]
    /// What was read of the file, to be used again.
    private let known: HistoryCache
    /// From this chunk on, nothing is looked for in the file.
    private let wholeFrom: UInt64
    /// Told of damage that is found in the file.
    private let doubt: @Sendable () -> Void
    /// The last event that is in the index.
    package let lastSequence: UInt64
    /// Events before this one are not in the index any more.
    package let firstSequence: UInt64
    /// Of what seeds the hashes and divides the log.
    let head: History.Head

    private init(
        rows: ProjectionRows?, memories: [History], known: HistoryCache = HistoryCache(),
        wholeFrom: UInt64, doubt: @escaping @Sendable () -> Void = {}
    ) {
        self.known = known
        self.doubt = doubt
        self.rows = rows
        self.memories = memories
        self.wholeFrom = wholeFrom
        // The newest one's: an empty log has no seed yet.
        head = memories.last?.head ?? History.Head(chunkBits: Limits.historyChunkBits)
        lastSequence = memories.map(\.head.lastSequence).max() ?? 0
        firstSequence = head.firstSequence
    }

    // MARK: Opening

    /// The index as it stands in a file, and what the log has beyond it: beside a running server or
    /// on the data of a stopped one.
    ///
    /// - Parameters:
    ///   - directory: `<data>/projections`.
    ///   - log: What it is an index of.
    ///   - usesFile: Whether to look at the file; without it the whole log is read.
    ///   - progress: Called now and then while the log is read.
    /// - Returns: The index, and why the file was not used, if it was not.
    /// - Throws: `EventLogError`; `RefusedEvent` for an event that cannot be read and that the file
    ///   does not name as passed over.
    package static func open(
        directory: String, log: LogReader, usesFile: Bool = true,
        progress: (ReplayProgress) -> Void = { _ in }
    ) throws -> (index: HistoryIndex, setback: String?) {
        var tail = History()
        var quarantine = RefusedEvents()
        var rows: ProjectionRows?
        var setback: String?
        let paths = ProjectionPaths(
            directory: directory, name: History.name, version: History.version)
        if usesFile {
            do {
                let opened = try ProjectionRows(paths, logID: try log.logID())
                let head = try opened.read { try $0.head().head }
                guard head.lastSequence <= (try log.lastSequence()) else {
                    throw Unavailable(description: "it is ahead of the log")
                }
                guard head.lastSequence >= log.firstSequence - 1 else {
                    throw Unavailable(description: "it is before the first event that is kept")
                }
                tail = History(behind: head)
                rows = opened
            } catch {
                setback = "\(error)"
            }
        }
        if rows == nil, let base = try ProjectionRows.base(paths, log: log) {
            tail = History(behind: try base.read { try $0.head().head })
            rows = base
        }
        if let known = try? ProjectionRows.refused(paths) { quarantine = known }
        let from = tail.lastSequence
        var replay = HistoryTail(log: log, quarantine: quarantine)
        tail = try replay.follow(tail, progress: progress)
        // A chunk that only the tail has is in memory.
        let wholeFrom = rows == nil ? 0 : from >> tail.head.chunkBits + 1
        return (HistoryIndex(rows: rows, memories: [tail], wholeFrom: wholeFrom), setback)
    }

    /// The index of a running server: the state in memory, its file, and what was appended since.
    ///
    /// - Throws: ``Unavailable`` while the index is being made, and when an event stops it;
    ///   `EventLogError`.
    package static func live(
        _ host: HostedProjection<History>, log: LogReader
    ) throws -> HistoryIndex {
        let state = host.withState { state, _ in state }
        if let refusal = host.stoppedBy { throw Unavailable(refusal) }
        let end = try log.lastSequence()
        guard end - min(end, state.lastSequence) <= Limits.historyTailMaximum else {
            throw Unavailable(description: "the index of messages is being made")
        }
        let newer = try tail(of: host, behind: state, log)
        let wholeFrom = state.firstChunkInMemory
        var rows: ProjectionRows?
        if state.head.oldestChunk < wholeFrom {
            do {
                let opened = try ProjectionRows(host.paths, logID: try log.logID())
                let head = try opened.read { try $0.head().head }
                guard head.openChunk >= wholeFrom else {
                    throw Unavailable(description: "the file of the index is older than its state")
                }
                rows = opened
            } catch let error as Unavailable {
                throw error
            } catch {
                if (error as? ProjectionError)?.isDamage == true { host.doubtFile() }
                throw Unavailable(description: "the index of messages is being made: \(error)")
            }
        }
        return HistoryIndex(
            rows: rows, memories: [state, newer], known: HistoryCache(state.chunks),
            wholeFrom: wholeFrom, doubt: { host.doubtFile() })
    }

    /// What was appended since the live state was read.
    private static func tail(
        of host: HostedProjection<History>, behind state: History, _ log: LogReader
    ) throws -> History {
        var replay = HistoryTail(
            log: log, quarantine: host.refused, skipsRefused: host.skipsRefused)
        do {
            return try replay.follow(History(behind: state.head)) { _ in }
        } catch let refusal as RefusedEvent {
            throw Unavailable(refusal)
        }
    }

    // MARK: Look-ups

    /// The chunks from the one of a sequence to the newest.
    func chunks(from sequence: UInt64) -> ClosedRange<UInt64> {
        let newest = memories.map(\.head.openChunk).max() ?? 0
        return min(
            max(sequence >> head.chunkBits, firstSequence >> head.chunkBits), newest)...newest
    }

    /// The postings with one of some keys in some chunks, ascending, each once.
    ///
    /// - Throws: `ProjectionError` when the file is damaged; a server that keeps it checks it then.
    func postings(
        _ kind: HistoryKind, keys: [UInt64], in chunks: ClosedRange<UInt64>
    ) throws -> [(key: UInt64, sequence: UInt64)] {
        let keys = keys.sorted()
        var found: [(key: UInt64, sequence: UInt64)] = []
        func add(_ postings: [Posting], _ chunk: UInt64) {
            let first = chunk << head.chunkBits
            for posting in Set(postings).sorted() {
                found.append((posting.key, first + posting.offset))
            }
        }
        let inFile = rows == nil ? 0 : min(wholeFrom, chunks.upperBound + 1)
        var ofFile: [UInt64: [Posting]] = [:]
        if let rows, chunks.lowerBound < inFile {
            do {
                ofFile = try postings(kind, keys, in: chunks.lowerBound..<inFile, of: rows)
            } catch let error as ProjectionError where error.isDamage {
                doubt()
                throw error
            }
        }
        for chunk in chunks {
            var postings = ofFile[chunk] ?? []
            for memory in memories {
                memory.collect(kind, keys, chunk: chunk, into: &postings)
            }
            if !postings.isEmpty { add(postings, chunk) }
        }
        return found
    }

    /// Those that stand in the file, by chunk; `keys` ascend.
    private func postings(
        _ kind: HistoryKind, _ keys: [UInt64], in chunks: Range<UInt64>, of rows: ProjectionRows
    ) throws -> [UInt64: [Posting]] {
        try rows.read { snapshot in
            let (head, counts) = try snapshot.head()
            var all: [UInt64: [Posting]] = [:]
            for number in chunks {
                if number < head.openChunk {
                    let chunk = try known.chunk(number) { try snapshot.chunk($0) }
                    try snapshot.collect(
                        kind, keys, sealed: chunk, into: &all[number, default: []])
                } else if number == head.openChunk {
                    let words = try known.open(kind, number) {
                        try snapshot.open(kind, count: counts[kind.index])
                    }
                    words.collect(keys, into: &all[number, default: []])
                }
            }
            return all
        }
    }
}
