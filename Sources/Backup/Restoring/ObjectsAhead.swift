internal import EventLog

/// Reads a plan's objects ahead of whoever takes them in order, several side by side.
///
/// Concurrency: may be shared.
final class ObjectsAhead: Sendable {
    /// An object that was read and checked.
    enum Fetched: Sendable {
        case tail(ObjectHeader, TailPayload)
        /// A segment's file stands at its path.
        case segment(ObjectHeader)
    }

    /// What to read, and where a segment goes.
    struct Order: Sendable {
        var item: ArchiveCatalog.Item
        var path: String
    }

    private struct State {
        var next = 0
        var taken = 0
        var results: [Int: Result<Fetched, any Error>] = [:]
        var running = 0
        var isOver = false
    }

    private let archive: Archive
    private let orders: [Order]
    private let ahead: Int
    private let state = Monitor(State())

    /// Begins to read.
    ///
    /// - Parameters:
    ///   - archive: Where from.
    ///   - orders: In the order they are taken.
    ///   - readers: How many are read at once.
    /// - Throws: When the system gives no thread.
    init(_ archive: Archive, _ orders: [Order], readers: Int) throws(ArchiveError) {
        self.archive = archive
        self.orders = orders
        ahead = readers * BackupLimits.readAheadPerReader
        for _ in 0..<min(readers, max(1, orders.count)) {
            state.withLock { $0.running += 1 }
            guard OwnThread.start(name: "waybill-restore", { [self] in work() }) else {
                state.withLock { $0.running -= 1 }
                stop()
                throw ArchiveError(.inaccessible, "the system gives no thread")
            }
        }
    }

    /// The object of the next order; waits until it has been read. Nothing after the last one.
    func take() throws -> Fetched? {
        let result: Result<Fetched, any Error>? = state.wait {
            $0.taken < self.orders.count && $0.results[$0.taken] == nil
        } then: { state in
            defer { state.taken += 1 }
            return state.results.removeValue(forKey: state.taken)
        }
        state.broadcast()
        return try result?.get()
    }

    /// Reads no further; returns when no thread writes any more.
    func stop() {
        state.withLock { $0.isOver = true }
        state.broadcast()
        state.wait(while: { $0.running > 0 }, then: { _ in })
    }

    private func work() {
        while true {
            let index: Int? = state.wait {
                !$0.isOver && $0.next < self.orders.count && $0.next >= $0.taken + self.ahead
            } then: { state in
                guard !state.isOver, state.next < self.orders.count else { return nil }
                defer { state.next += 1 }
                return state.next
            }
            guard let index else { break }
            let result = Result { try fetch(orders[index]) }
            state.withLock { $0.results[index] = result }
            state.broadcast()
        }
        state.withLock { $0.running -= 1 }
        state.broadcast()
    }

    private func fetch(_ order: Order) throws -> Fetched {
        if case .tail = order.item.name {
            let (header, payload) = try archive.tail(order.item.name)
            return .tail(header, payload)
        }
        let file = try OutputFile(order.path)
        let header = try archive.read(order.item.name) { try file.write($0) }
        return .segment(header)
    }
}
