import Synchronization

/// What an index has read of its file and may need again: sealed chunks, which never change, and the
/// postings of the open one, which only grow. What they grew by is in memory.
///
/// Concurrency: any thread.
final class HistoryCache: Sendable {
    private struct State {
        var chunks: [UInt64: HistoryChunk] = [:]
        var open: [HistoryKind: (chunk: UInt64, words: [UInt64])] = [:]
    }

    private let state: Mutex<State>

    /// Begins with the chunks that are known.
    init(_ chunks: [HistoryChunk] = []) {
        var state = State()
        for chunk in chunks { state.chunks[UInt64(chunk.number)] = chunk }
        self.state = Mutex(state)
    }

    /// A sealed chunk; read if it is not known.
    func chunk(_ number: UInt64, read: (UInt32) throws -> HistoryChunk) throws -> HistoryChunk {
        if let known = state.withLock({ $0.chunks[number] }) { return known }
        let chunk = try read(UInt32(truncatingIfNeeded: number))
        state.withLock { $0.chunks[number] = chunk }
        return chunk
    }

    /// The postings of a kind in the open chunk; read if they are not known.
    func open(
        _ kind: HistoryKind, _ chunk: UInt64, read: () throws -> [UInt64]
    ) throws -> [UInt64] {
        if let known = state.withLock({ $0.open[kind] }), known.chunk == chunk {
            return known.words
        }
        let words = try read()
        state.withLock { $0.open[kind] = (chunk, words) }
        return words
    }
}
