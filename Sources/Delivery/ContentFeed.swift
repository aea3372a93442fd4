import EventLog
import NIOCore
import NIOPosix

/// The pieces of a large content behind the first one, read from the log while it is being sent: one is
/// on its way out, the next one is there or being read. So sending costs the same memory whatever the
/// message's size.
///
/// Concurrency: bound to delivery's event loop.
final class ContentFeed {
    private let log: any DeliveryLog
    private let threads: NIOThreadPool
    private let eventLoop: any EventLoop
    private var waiting: ArraySlice<UInt64>
    private var next: Result<[UInt8], any Error>?
    private var isReading = false
    /// Called when a piece that was asked for has come.
    private var listener: ((Result<[UInt8], any Error>) -> Void)?

    /// Feeds the pieces that are stored with these events, in order.
    init(
        _ pieces: ArraySlice<UInt64>, log: any DeliveryLog, threads: NIOThreadPool,
        eventLoop: any EventLoop
    ) {
        waiting = pieces
        self.log = log
        self.threads = threads
        self.eventLoop = eventLoop
    }

    /// Begins to read the next piece, if there is one and none is there.
    func readAhead() {
        guard next == nil, !isReading, let piece = waiting.popFirst() else { return }
        isReading = true
        threads.runIfActive(eventLoop: eventLoop) { [log] in try log.bytes(of: piece) }
            .assumeIsolated().whenComplete { self.came($0) }
    }

    /// Gives the next piece to `body` when it is there, perhaps at once; asked for again only then.
    /// Nothing is called after ``stop()``.
    func take(_ body: @escaping (Result<[UInt8], any Error>) -> Void) {
        guard listener == nil else { return }
        listener = body
        hand()
        readAhead()
        guard listener != nil, !isReading else { return }
        next = .failure(Self.doesNotFit)
        hand()
    }

    /// The pieces are not as long together as their message says.
    static let doesNotFit = EventLogError(
        .damaged, "the pieces of the content are not as long as their message says")

    /// Nobody wants any more.
    func stop() {
        listener = nil
        waiting = []
        next = nil
    }

    private func came(_ result: Result<[UInt8], any Error>) {
        isReading = false
        next = result
        hand()
    }

    private func hand() {
        guard let listener, let piece = next else { return }
        next = nil
        self.listener = nil
        readAhead()
        listener(piece)
    }
}
