import EventLog
import Foundation
import Logging
import MailEvents
import MailModel
import MailProjections
import NIOCore
import NIOPosix
import Resolver
import SMTPProtocol
import Synchronization
import Testing

@testable import Delivery

/// The log on disk, with appends of delivery that fail when a test says so.
final class FaultyLog: DeliveryLog {
    let log: EventLog<MailEventCodec>
    private let failures = Mutex(0)
    private let refused = Mutex(0)
    private let lost = Mutex<Set<UInt64>>([])
    private let cut = Mutex<Set<UInt64>>([])
    private let gone = Mutex<Set<UInt64>>([])
    private let missing = Mutex<EventLogError?>(nil)
    private let sizeMax = Mutex((events: Int.max, octets: Int.max))
    private let permitted = Mutex(true)
    private let reading = Mutex<(@Sendable () -> Void)?>(nil)
    private let given = Mutex<[[Event]]>([])

    init(_ log: EventLog<MailEventCodec>) { self.log = log }

    /// How many of the next appends fail.
    var failuresToCome: Int {
        get { failures.withLock { $0 } }
        set { failures.withLock { $0 = newValue } }
    }

    /// The events of every append that delivery has asked for.
    var appends: [[Event]] { given.withLock { $0 } }

    /// How many have failed.
    var refusedAppends: Int { refused.withLock { $0 } }

    /// Why no content can be read; nil when it can.
    var contentFailure: EventLogError? {
        get { missing.withLock { $0 } }
        set { missing.withLock { $0 = newValue } }
    }

    /// Appends of more events, or more octets of content, are too large.
    var appendMax: (events: Int, octets: Int) {
        get { sizeMax.withLock { $0 } }
        set { sizeMax.withLock { $0 = newValue } }
    }

    func append(_ append: Append<Event>) {
        given.withLock { $0.append(append.events) }
        let most = appendMax
        let octets = append.contents.reduce(0) { $0 + $1.bytes.count }
        guard append.events.count <= most.events, octets <= most.octets else {
            return refuse(append, EventLogError(.tooLarge, "too large"))
        }
        let fails = failures.withLock { left in
            guard left > 0 else { return false }
            left -= 1
            return true
        }
        guard fails else { return log.append(append) }
        refuse(append, EventLogError(.outOfSpace, "disk full"))
    }

    private func refuse(_ append: Append<Event>, _ error: EventLogError) {
        refused.withLock { $0 += 1 }
        append.observer?.appendsCompleted([
            AppendOutcome(token: append.token, result: .failure(error))
        ])
    }

    func follow(_ follower: any LogFollower<Event>) -> UInt64 { log.follow(follower) }

    func forEachBatch(
        from first: UInt64, through last: UInt64, _ body: ([RecordedEvent]) -> Void
    ) throws {
        try log.forEachBatch(from: first, through: last, body)
    }

    func events(around sequence: UInt64) throws -> [RecordedEvent] {
        try log.events(around: sequence)
    }

    /// Events whose content the log has given up.
    var givenUp: Set<UInt64> {
        get { gone.withLock { $0 } }
        set { gone.withLock { $0 = newValue } }
    }

    /// Events whose content cannot be read.
    var unreadable: Set<UInt64> {
        get { lost.withLock { $0 } }
        set { lost.withLock { $0 = newValue } }
    }

    /// Events whose content comes back without its last octet.
    var shortened: Set<UInt64> {
        get { cut.withLock { $0 } }
        set { cut.withLock { $0 = newValue } }
    }

    /// Whether anything may be sent.
    var mayDeliver: Bool {
        get { permitted.withLock { $0 } }
        set { permitted.withLock { $0 = newValue } }
    }

    /// Called whenever content is about to be read; may block.
    var beforeReading: (@Sendable () -> Void)? {
        get { reading.withLock { $0 } }
        set { reading.withLock { $0 = newValue } }
    }

    func bytes(of sequence: UInt64) throws -> [UInt8] {
        beforeReading?()
        if let contentFailure { throw contentFailure }
        if unreadable.contains(sequence) { throw EventLogError(.damaged, "unreadable") }
        if givenUp.contains(sequence) { throw EventLogError(.notFound, "given up") }
        let octets = try log.bytes(of: sequence)
        return shortened.contains(sequence) ? octets.dropLast() : octets
    }
}

/// A log in a folder of its own and delivery on an event loop of its own.
final class DeliveryHarness: Sendable {
    let group: MultiThreadedEventLoopGroup
    let directory: URL
    private let current = Mutex<(log: FaultyLog, delivery: Delivery)?>(nil)

    init() throws {
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        directory = FileManager.default.temporaryDirectory
            .appendingPathComponent("waybill-delivery-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }

    /// Runs a test and cleans up after it.
    static func run(_ body: (DeliveryHarness) async throws -> Void) async throws {
        let harness = try DeliveryHarness()
        do {
            try await body(harness)
        } catch {
            await harness.tearDown()
            throw error
        }
        await harness.tearDown()
    }

    private func tearDown() async {
        await stop(within: .milliseconds(500))
        try? await group.shutdownGracefully()
        try? FileManager.default.removeItem(at: directory)
    }

    /// The log's folder.
    var path: String { directory.path }

    var log: FaultyLog? { current.withLock { $0?.log } }
    var delivery: Delivery? { current.withLock { $0?.delivery } }

    /// A policy that sends everything to one server on this machine and retries after a second.
    static func policy(
        port: Int, tls: TLSRequirement = .none,
        _ change: (inout Route) -> Void = { _ in }
    ) -> DeliveryPolicy {
        var route = Route(
            name: "default", nextHop: .mx, tls: tls, port: port, allowsAnyAddress: true)
        change(&route)
        return DeliveryPolicy(
            hostName: "out.example.net", router: Router(defaultRoute: route),
            retry: RetryPolicy(
                standard: RetrySchedule(firstIntervalSeconds: 1, factor: 1, jitter: 0)),
            destinationBackoff: BackoffPolicy(firstSeconds: 1, secondsMax: 1))
    }

    /// Opens the log and begins to deliver.
    func start(
        _ policy: DeliveryPolicy, domains: [String] = ["example.org", "example.net"],
        resolver: (any MailResolver)? = nil, contentFailure: EventLogError? = nil,
        beforeReading: (@Sendable () -> Void)? = nil,
        mayFinish: @escaping @Sendable () -> Bool = { true }, gate: StandbyGate? = nil
    ) async throws {
        var configuration = EventLogConfiguration()
        configuration.gate = gate
        configuration.allowAnyFileSystem = true
        let log = FaultyLog(
            try EventLog.open(
                directory: directory.path, codec: MailEventCodec(), configuration: configuration))
        // Before anything is due.
        log.contentFailure = contentFailure
        log.beforeReading = beforeReading
        var table: [String: [String]] = [:]
        for domain in domains { table[domain] = ["127.0.0.1"] }
        let delivery = try await Delivery.start(
            policy: policy, queue: Queue(), suppression: Suppression(), log: log,
            resolver: resolver ?? FixedResolver(mail: table), eventLoop: group.next(),
            now: { Self.now() }, mayFinish: mayFinish, seed: 1,
            logger: Logger(label: "test") { _ in
                SwiftLogNoOpLogHandler()
            })
        current.withLock { $0 = (log, delivery) }
    }

    /// Stops delivery and closes the log.
    func stop(within limit: TimeAmount = .seconds(5)) async {
        guard let (log, delivery) = current.withLock({ $0.take() }) else { return }
        await delivery.stop(deadline: .now() + limit)
        log.log.close()
    }

    static func now() -> EventTime {
        EventTime(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000))
    }

    /// Accepts a message, as reception would.
    @discardableResult
    func submit(
        to recipients: [String], from reversePath: String = "ann@example.net",
        content: String = "Subject: test\r\n\r\nHello.\r\n", notify: NotifyOn = [],
        tenant: String = "acme", campaign: String = "", receivedAt: EventTime = now(),
        body: BodyType = .sevenBit, returnContent: ReturnContent = .unspecified,
        demand: StandbyDemand? = nil, pieces: [Int] = []
    ) async throws -> MessageID {
        let log = try #require(log)
        let bytes = Array(content.utf8)
        let sender = Self.mailbox(reversePath).map(ReversePath.mailbox) ?? .null
        var stored = ContentPiece.Stored(rest: bytes)
        for count in pieces {
            let piece = Array(stored.rest.prefix(count))
            stored.rest.removeFirst(piece.count)
            stored.pieces.append(
                try await log.log.append(
                    [ContentPiece.event(piece, at: receivedAt)],
                    contents: [Content(eventIndex: 0, bytes: piece)]
                ).firstSequence)
        }
        let received = MessageReceived(
            reversePath: sender, sizeOctets: bytes.count,
            contentSHA256: SHA256Functions.hash(bytes), recipientCount: recipients.count,
            tenant: tenant, campaign: campaign, body: body, returnContent: returnContent,
            session: IngressSession(
                listener: "in", serverName: "out.example.net", transmissionType: .esmtp,
                clientAddress: "192.0.2.1", clientName: "client.example"))
        var events = [Event(time: receivedAt, fact: .received(received))]
        for (number, recipient) in recipients.enumerated() {
            let mailbox = try #require(Self.mailbox(recipient))
            events.append(
                Event(
                    time: receivedAt,
                    fact: .queued(
                        RecipientQueued(
                            recipient: RecipientReference(
                                message: .inThisAppend(at: 0), number: number, mailbox: mailbox,
                                tenant: tenant, campaign: campaign),
                            due: receivedAt, notify: notify))))
        }
        let (all, contents) =
            pieces.isEmpty
            ? (events, [Content(eventIndex: 0, bytes: bytes)])
            : stored.completed(events, at: receivedAt)
        let receipt = try await log.log.append(
            all, contents: contents, demand: demand,
            retraction: demand.map { _ in Append.takingBack(events) { Self.now() } })
        return MessageID(epoch: receipt.epoch, sequence: receipt.firstSequence)
    }

    private static func mailbox(_ text: String) -> Mailbox? {
        let parts = text.split(separator: "@")
        return parts.count == 2
            ? Mailbox(localPart: String(parts[0]), domain: String(parts[1])) : nil
    }

    /// Every event in the log.
    func events() throws -> [RecordedEvent] {
        var all: [RecordedEvent] = []
        try #require(log).forEachBatch(from: 1, through: .max) { all += $0 }
        return all
    }

    /// Events about a recipient, by name: `delivered`, `deferred`...
    func names(of message: MessageID, recipient number: Int = 0) throws -> [String] {
        try events().compactMap { event in
            switch event.event.fact {
            case .queued(let fact) where fact.recipient.message == message:
                fact.recipient.number == number ? "queued" : nil
            case .deferred(let fact) where fact.recipient.message == message:
                fact.recipient.number == number ? "deferred" : nil
            case .delivered(let fact) where fact.recipient.message == message:
                fact.recipient.number == number ? "delivered" : nil
            case .bounced(let fact) where fact.recipient.message == message:
                fact.recipient.number == number ? "bounced" : nil
            case .expired(let fact) where fact.recipient.message == message:
                fact.recipient.number == number ? "expired" : nil
            default: nil
            }
        }
    }

    /// Facts of the log that `pick` wants.
    func facts<Wanted>(_ pick: (Fact) -> Wanted?) throws -> [Wanted] {
        try events().compactMap { pick($0.event.fact) }
    }

    /// Waits until nothing is queued any more.
    func waitUntilEmpty(
        seconds: Double = 20, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await wait(seconds: seconds, sourceLocation: sourceLocation) {
            let end = self.log?.log.position.sequence ?? 0
            return await self.delivery?.withQueue {
                $0.counts.recipients == 0 && $0.lastSequence >= end
            } ?? false
        }
    }

    /// Waits until the condition holds.
    func wait(
        seconds: Double = 20, sourceLocation: SourceLocation = #_sourceLocation,
        _ condition: () async throws -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while try await !condition() {
            guard ContinuousClock.now < deadline else {
                Issue.record("still not after \(seconds) s", sourceLocation: sourceLocation)
                throw CancellationError()
            }
            try await group.next().scheduleTask(in: .milliseconds(5)) {}.futureResult.get()
        }
    }
}
