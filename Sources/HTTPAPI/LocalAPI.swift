import EventLog
import HTTPTypes
import Hummingbird
import HummingbirdCore
package import Logging
package import MailModel
import MailProjections
package import NIOCore
import NIOPosix
package import Orders
import Projections
package import SmallFiles
import Synchronization

/// A request of a command to the API of its own machine, and where the answer goes.
///
/// Concurrency: value.
package struct LocalRequest: Sendable {
    package var method: HTTPMethod
    /// With the query.
    package var path: String
    /// Type of the body; empty without one.
    package var contentType = ""
    /// Type of the answer that is asked for; empty: any.
    package var accept = ""
    /// Pieces of the body, in order.
    package var body: LocalBody

    /// The methods that commands use.
    package enum HTTPMethod: String, Sendable {
        case get = "GET"
        case post = "POST"
        case delete = "DELETE"
    }

    /// Creates a request.
    package init(_ method: HTTPMethod, _ path: String, body: LocalBody = LocalBody([])) {
        self.method = method
        self.path = path
        self.body = body
    }
}

/// A body that is read as it is sent.
///
/// Concurrency: value; `next` is called by one task at a time.
package struct LocalBody: AsyncSequence, Sendable {
    private let next: @Sendable () throws -> [UInt8]?

    /// Pieces as `next` returns them, nil after the last.
    package init(_ next: @escaping @Sendable () throws -> [UInt8]?) { self.next = next }

    /// Octets that are there already.
    package init(_ octets: [UInt8]) {
        let left = BytesOnce(octets)
        next = { left.take() }
    }

    package func makeAsyncIterator() -> Iterator { Iterator(next: next) }

    /// Goes through the pieces.
    package struct Iterator: AsyncIteratorProtocol {
        let next: @Sendable () throws -> [UInt8]?

        package mutating func next() async throws -> ByteBuffer? {
            try next().map { ByteBuffer(bytes: $0) }
        }
    }
}

/// The API without a listener: for commands on a data directory on which no server runs. Whoever can
/// open the log may do everything.
///
/// Concurrency: any task.
package final class LocalAPI: Sendable {
    private let services: APIServices
    private let responder: APIResponder

    /// Creates it on a log that is open for writing.
    package init(
        log: any APILog, state: any LiveState, now: @escaping @Sendable () -> EventTime,
        logger: Logger
    ) throws(SmallFileError) {
        services = APIServices(
            configuration: .withoutNetwork(serverName: ""), log: log,
            keys: try APIKeyDirectory(path: nil), readiness: Readiness(.ready),
            state: NoState(), folds: state, messages: NoMessageIndex(), now: now, logger: logger)
        services.readers.start()
        responder = APIResponder(
            table: RouteTable(services: services), keys: services.keys,
            everyCaller: .administrator)
    }

    /// Answers a request; returns the answer's status when `onBody` has got all of its body.
    package func call(
        _ request: LocalRequest, onBody: @escaping @Sendable (ByteBuffer) -> Void
    ) async throws -> Int {
        var head = HTTPRequest(
            method: HTTPRequest.Method(rawValue: request.method.rawValue) ?? .get, scheme: "http",
            authority: "localhost", path: request.path)
        if !request.contentType.isEmpty { head.headerFields[.contentType] = request.contentType }
        if !request.accept.isEmpty { head.headerFields[.accept] = request.accept }
        let response = try await responder.respond(
            to: Request(head: head, body: RequestBody(asyncSequence: request.body)),
            context: APIContext(clientAddress: "", logger: services.logger))
        try await response.body.write(PieceWriter(onBody: onBody))
        return response.status.code
    }

    /// Ends what it has started; nothing is to be asked afterwards.
    package func close() async {
        services.bell.close()
        try? await services.readers.shutdownGracefully()
    }
}

/// Octets that are given out once.
///
/// Concurrency: any thread.
private final class BytesOnce: Sendable {
    private let octets: Mutex<[UInt8]?>

    init(_ octets: [UInt8]) { self.octets = Mutex(octets.isEmpty ? nil : octets) }

    func take() -> [UInt8]? {
        octets.withLock { octets in
            defer { octets = nil }
            return octets
        }
    }
}

/// Nothing is counted where no server runs.
private struct NoState: ServerState {
    func queue() async -> QueueFigures? { nil }
    func readStatistics<Value>(_ body: (Statistics) throws -> Value) rethrows -> Value? { nil }
    func statistics(through sequence: UInt64, need: StatisticsNeed) throws -> Statistics {
        throw CancellationError()
    }
    func projections() -> [ProjectionStatus] { [] }
    func compact() -> LogCompactor.Totals? { nil }
    func compaction() -> LogCompactor.Totals? { nil }
    func prune(_ request: PruneRequest) async throws -> PruneOutcome? { nil }
    func pruning() -> PruneTotals? { nil }
    func freeOctets() -> UInt64? { nil }
}

/// Hands pieces on.
private struct PieceWriter: ResponseBodyWriter {
    let onBody: @Sendable (ByteBuffer) -> Void

    func write(_ buffer: ByteBuffer) async throws { onBody(buffer) }

    func finish(_: HTTPFields?) async throws {}
}
