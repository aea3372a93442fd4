import EventLog
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import MailEvents
import MailModel
import MailProjections
import NIOCore
import NIOPosix
import Orders
import Projections
import Synchronization
import WaybillTesting

@testable import HTTPAPI

/// The API's routes on a log of their own, without a network.
///
/// Concurrency: any thread.
final class TestAPI: Sendable {
    let directory: TemporaryDirectory
    let log: TestLog
    let services: APIServices
    let responder: APIResponder
    let readiness = Readiness(.ready)
    let site = FakeSite()
    /// What would be delivered: the folds that orders look at.
    let folds: FollowedState
    let state: TestState
    let index = TestIndex()
    private let tokens: [String: String]

    /// Keys: `inject`, `read`, `operate`, `admin` for all tenants, `acme` and `zeta` with `inject` and
    /// `operate` (which includes `read`) for the tenant of that name.
    init(
        directory: TemporaryDirectory? = nil, gate: StandbyGate? = nil,
        configure: (inout APIConfiguration) -> Void = { _ in }
    ) async throws {
        let directory = try directory ?? TemporaryDirectory()
        self.directory = directory
        log = try TestLog(directory: directory.path + "/log", gate: gate)
        state = TestState(directory: directory.path + "/projections", log: log.reader)
        var file = APIKeyFile(path: directory.path + "/keys")
        var tokens: [String: String] = [:]
        let now = EventTime(microseconds: 1_800_000_000_000_000)
        for (name, roles, tenant) in [
            ("inject", [APIRole.inject], ""), ("read", [.read], ""), ("operate", [.operate], ""),
            ("admin", [.admin], ""), ("acme", [.inject, .operate], "acme"),
            ("zeta", [.inject, .operate], "zeta"),
        ] {
            let (key, token) = APIKey.make(name: name, roles: roles, tenant: tenant, now: now)
            file.add(key)
            tokens[name] = token
        }
        try file.save()
        self.tokens = tokens
        var configuration = APIConfiguration(
            host: "127.0.0.1", port: 0, serverName: "mx.example.org")
        configuration.keysFile = file.path
        configure(&configuration)
        folds = FollowedState(
            queue: Queue(), suppression: Suppression(),
            eventLoop: MultiThreadedEventLoopGroup.singleton.next())
        try folds.begin(reader: log.reader, through: log.follow(folds))
        services = APIServices(
            configuration: configuration, log: log, keys: try APIKeyDirectory(path: file.path),
            readiness: readiness, state: state, folds: folds, messages: index, site: site,
            now: { TestClock.now },
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        services.readers.start()
        try await services.rememberRecentKeys()
        _ = log.follow(services.bell)
        responder = APIResponder(
            table: RouteTable(services: services), keys: services.keys)
    }

    deinit {
        services.bell.close()
        services.past.close()
        log.close()
        services.readers.shutdownGracefully { _ in }
    }

    func token(_ name: String) -> String { tokens[name] ?? "none" }

    /// One request and its whole answer.
    func call(
        _ method: HTTPRequest.Method, _ path: String, key: String? = nil,
        headers: [String: String] = [:], body: [UInt8] = [], by other: APIResponder? = nil
    ) async throws -> TestAnswer {
        let response = try await respond(
            method, path, key: key, headers: headers, body: body, by: other)
        let sink = TestSink()
        try await response.body.write(sink)
        return TestAnswer(
            status: response.status.code, headers: response.headers, octets: sink.octets)
    }

    /// The answer before its body is written.
    func respond(
        _ method: HTTPRequest.Method, _ path: String, key: String? = nil,
        headers: [String: String] = [:], body: [UInt8] = [], by other: APIResponder? = nil
    ) async throws -> Response {
        var head = HTTPRequest(method: method, scheme: "http", authority: "test", path: path)
        for (name, value) in headers {
            if let name = HTTPField.Name(name) { head.headerFields[name] = value }
        }
        if let key { head.headerFields[.authorization] = "Bearer \(token(key))" }
        let request = Request(head: head, body: RequestBody(buffer: ByteBuffer(bytes: body)))
        let logger = services.logger
        return try await (other ?? responder).respond(
            to: request, context: APIContext(clientAddress: "192.0.2.7", logger: logger))
    }

    /// `POST /api/v1/inject` with JSON.
    func inject(
        _ json: String, key: String = "inject", headers: [String: String] = [:]
    ) async throws -> TestAnswer {
        try await call(
            .post, "/api/v1/inject", key: key,
            headers: ["Content-Type": "application/json"].merging(headers) { $1 },
            body: Array(json.utf8))
    }

    /// Records that the recipients of a message were delivered, by way of example.
    func deliver(_ id: String) async throws {
        let queued = try events().compactMap { event -> RecipientReference? in
            if case .queued(let fact) = event.event.fact,
                fact.recipient.message.description == id
            {
                fact.recipient
            } else {
                nil
            }
        }
        let peer = DeliveryPeer(
            host: "mx1.provider.example", address: "203.0.113.5", port: 25,
            sourceAddress: "192.0.2.25")
        try await append(
            queued.map { recipient in
                .delivered(
                    DeliverySucceeded(
                        recipient: recipient,
                        attempt: Attempt(
                            number: 1, reply: Reply(250, nil, "ok"), command: "dot", peer: peer)))
            })
    }

    /// Appends events that happen now.
    func append(_ facts: [Fact]) async throws {
        _ = try await log.append(
            facts.map { Event(time: TestClock.now, fact: $0) }, contents: [])
    }

    /// Every event of the log.
    func events() throws -> [RecordedEvent] {
        var events: [RecordedEvent] = []
        try log.reader.forEachBatch { batch in
            events += try batch.events()
            return true
        }
        return events
    }

    /// The content stored with the message of that number, from 0.
    func content(_ number: Int = 0) throws -> String {
        let received = try events().filter { event in
            if case .received = event.event.fact { true } else { false }
        }
        guard received.indices.contains(number),
            case .received(let fact) = received[number].event.fact,
            let octets = try log.reader.content(of: fact, at: received[number].sequence)
        else { return "" }
        return String(decoding: octets, as: UTF8.self)
    }
}

/// An answer, with its body read.
struct TestAnswer {
    var status: Int
    var headers: HTTPFields
    var octets: [UInt8]

    var text: String { String(decoding: octets, as: UTF8.self) }

    /// The body as JSON.
    var json: JSONValue { (try? JSONParser.parse(octets)) ?? .null }
}

/// Gathers what a response's body writes.
final class TestSink: ResponseBodyWriter, Sendable {
    private let state = Mutex<[UInt8]>([])

    var octets: [UInt8] { state.withLock { $0 } }
    var text: String { String(decoding: octets, as: UTF8.self) }

    func write(_ buffer: ByteBuffer) async throws {
        state.withLock { $0 += buffer.readableBytesView }
    }

    func finish(_: HTTPFields?) async throws {}
}

/// What a server would say of a log, with the statistics folded anew for each question.
///
/// Concurrency: any thread.
final class TestState: ServerState {
    private let directory: String
    private let log: LogReader
    private let settings = Mutex<(isReady: Bool, queue: QueueFigures?)>((true, nil))
    private let replays = Atomic<Int>(0)
    private let looksBehind = Atomic<Int>(0)

    init(directory: String, log: LogReader) {
        self.directory = directory
        self.log = log
    }

    /// How often a state as of an earlier event was made.
    var replayed: Int { replays.load(ordering: .relaxed) }

    /// Whether the statistics have reached the log's end.
    func set(isReady: Bool) { settings.withLock { $0.isReady = isReady } }

    /// How many of the next looks at the statistics do not see the last event.
    func set(looksBehind: Int) { self.looksBehind.store(looksBehind, ordering: .relaxed) }

    /// How many of them there still are.
    var looksLeft: Int { looksBehind.load(ordering: .relaxed) }

    /// What waits.
    func set(queue: QueueFigures?) { settings.withLock { $0.queue = queue } }

    func compact() -> LogCompactor.Totals? { compaction() }

    func compaction() -> LogCompactor.Totals? {
        var totals = LogCompactor.Totals()
        totals.segments = 3
        totals.octetsBefore = 1_000
        totals.octetsAfter = 400
        return totals
    }

    func prune(_ request: PruneRequest) async throws -> PruneOutcome? {
        let segments = try log.info().segments
        return PruneOutcome(
            plan: PrunePlan(segments, limits: request.limits, now: 0, needed: nil),
            isDryRun: request.isDryRun, archive: "")
    }

    func pruning() -> PruneTotals? {
        var totals = PruneTotals()
        totals.segments = 2
        totals.octets = 700
        return totals
    }

    func queue() async -> QueueFigures? { settings.withLock { $0.queue } }

    func readStatistics<Value>(_ body: (Statistics) throws -> Value) rethrows -> Value? {
        let isBehind = looksBehind.load(ordering: .relaxed) > 0
        if isBehind { looksBehind.subtract(1, ordering: .relaxed) }
        guard settings.withLock({ $0.isReady }), let end = try? log.lastSequence(),
            let statistics = try? load(isBehind ? end - 1 : end)
        else { return nil }
        return try body(statistics)
    }

    func statistics(through sequence: UInt64, need: StatisticsNeed) throws -> Statistics {
        replays.add(1, ordering: .relaxed)
        return try load(sequence, need)
    }

    private func load(
        _ sequence: UInt64, _ need: StatisticsNeed = .everything
    ) throws -> Statistics {
        try Statistics.load(
            directory: directory, log: log, at: .sequence(sequence), now: TestClock.now,
            need: need)
    }

    func projections() -> [ProjectionStatus] {
        var status = ProjectionStatus(name: "statistics", version: 2)
        status.phase = .live
        status.sequence = 40
        status.logEnd = 42
        // It passed over one event and has stopped at another.
        var stopped = ProjectionStatus(name: "history", version: 1)
        stopped.phase = .stopped
        stopped.refused.add(RefusedEvent(first: 7, last: 7, reason: "not a batch"))
        stopped.stoppedBy = RefusedEvent(first: 9, last: 9, reason: "not a batch")
        return [status, stopped]
    }

    func freeOctets() -> UInt64? { 1 << 30 }
}

/// The index of messages, made anew for every question; may be ordered to be away.
final class TestIndex: MessageIndexSource {
    private let isAway = Mutex(false)

    func setAway(_ away: Bool) { isAway.withLock { $0 = away } }

    func index(of log: LogReader) throws -> HistoryIndex {
        guard !isAway.withLock({ $0 }) else {
            throw HistoryIndex.Unavailable(description: "away")
        }
        return try HistoryIndex.open(directory: "/nowhere", log: log).index
    }
}

/// A clock that tests move.
enum TestClock {
    private static let current = Atomic<Int64>(1_800_000_000_000_000)

    static var now: EventTime {
        EventTime(microseconds: current.load(ordering: .relaxed))
    }
}
