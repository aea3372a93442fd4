import EventLog
import ReplicationSchema

/// Fetches sealed segments as files, several side by side, each over a link of its own.
///
/// Concurrency: used on one thread, which waits; each link has a thread of its own.
struct SegmentFetch: Sendable {
    let dialer: LinkDialer
    let address: SiteAddress
    /// What each link says first.
    let hello: Waybill_Replication_V1_Hello
    /// Where the file of a segment is put.
    let path: @Sendable (UInt64) -> String
    /// Given up when true.
    let isStopped: @Sendable () -> Bool
    /// Told of octets as they come.
    let received: @Sendable (Int) -> Void

    private struct Work {
        var waiting: ArraySlice<SealedSegment>
        /// In what order they came, by first sequence.
        var arrived: Set<UInt64> = []
        var failure: ReplicationError?
        var running = 0
    }

    /// Fetches segments; hands each over once it and all before it are there.
    ///
    /// - Parameters:
    ///   - segments: Ascending.
    ///   - body: Takes a segment over.
    /// - Throws: What went wrong first; `body`'s error.
    func run(
        _ segments: [SealedSegment], _ body: (SealedSegment) throws -> Void
    ) throws {
        guard !segments.isEmpty else { return }
        let work = Monitor(Work(waiting: segments[...]))
        let count = min(segments.count, ReplicationLimits.fetches)
        work.withLock { $0.running = count }
        for _ in 0..<count {
            let started = OwnThread.start(name: "waybill-fetch") {
                fetch(work)
                work.withLock { $0.running -= 1 }
                work.broadcast()
            }
            if !started { work.withLock { $0.running -= 1 } }
        }
        // Nobody writes a file any more when this returns.
        defer {
            work.withLock { $0.waiting = [] }
            work.wait(while: { $0.running > 0 }, then: { _ in })
        }
        for segment in segments {
            let first = segment.firstSequence
            let failure = work.wait {
                !$0.arrived.contains(first) && $0.failure == nil && $0.running > 0
            } then: { work -> ReplicationError? in
                work.arrived.contains(first)
                    ? nil : work.failure ?? ReplicationError(.stopped, "fetching has ended")
            }
            if let failure { throw failure }
            do {
                try body(segment)
            } catch {
                work.withLock { work in
                    work.waiting = []
                    if work.failure == nil { work.failure = .init(.stopped, "\(error)") }
                }
                throw error
            }
        }
    }

    /// Takes one segment after the other from what waits.
    private func fetch(_ work: Monitor<Work>) {
        do throws(ReplicationError) {
            let link = try dialer.dial(address, heartbeat: { .init() })
            defer { link.close() }
            try link.beginFetching(hello, from: address)
            while let segment = work.withLock({ $0.waiting.popFirst() }) {
                try fetch(segment, over: link)
                work.withLock { _ = $0.arrived.insert(segment.firstSequence) }
                work.broadcast()
            }
        } catch {
            work.withLock { work in
                work.waiting = []
                if work.failure == nil { work.failure = error }
            }
            work.broadcast()
        }
    }

    private func fetch(_ segment: SealedSegment, over link: Link) throws(ReplicationError) {
        var request = Waybill_Replication_V1_SegmentRequest()
        request.firstSequence = segment.firstSequence
        try link.send(.control(.segmentRequest(request)))
        let file = IncomingFile(
            path: path(segment.firstSequence), isStopped: isStopped, received: received)
        try file.receive("the segment at \(segment.firstSequence)", over: link)
    }
}
