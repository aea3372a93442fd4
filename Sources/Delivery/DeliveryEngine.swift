import EventLog
import Logging
import MailEvents
import MailModel
import MailProjections
import NIOCore
import NIOPosix
import Resolver
import SMTPProtocol
import SMTPTransport

/// Everything that delivery knows and does.
///
/// A recipient is at any time in exactly one place: in ``schedule``, among those ``held``, among the
/// ``doubts``, among the ``provisional``, in a group that is ready or under way, or in an outcome that is not durable yet. It comes
/// back to the schedule only through the log, when its `deferred` event has been committed; so it is
/// never attempted twice at a time.
///
/// Concurrency: bound to its event loop.
final class DeliveryEngine {
    /// A recipient that is held because it is in doubt.
    struct Doubt {
        var since: EventTime
        /// What a rule has decided is on its way into the log.
        var isDecided = false
    }

    /// What the log tells.
    enum News {
        case committed(CommittedBatch<Event>)
        case acknowledged(ClosedRange<UInt64>)
    }

    let eventLoop: any EventLoop
    let log: any DeliveryLog
    let contents: ContentMemory
    let resolver: any MailResolver
    let logger: Logger
    let dialer = Dialer()
    let classifier = BounceClassifier()
    let opportunisticTLS: TLSClientContext
    private(set) var verifyingTLS: TLSClientContext
    private let wallClock: @Sendable () -> EventTime

    var policy: DeliveryPolicy
    var selection: MXSelection
    var notices: NoticeBuilder
    var random: SplitMix64

    /// What waits, as the log says.
    var queue = Queue()
    /// The addresses to which nothing is sent, as the log says.
    var suppression = Suppression()
    /// Recipients that are not under way.
    var schedule = DueHeap()
    /// Recipients that are due and that a suspension holds; not under way.
    var held: [DueHeap.Entry] = []
    var holdTimer: Scheduled<Void>?
    /// What ``MailProjections/Suspensions/removals`` was when ``held`` was last looked at.
    var suspensionsRemoved = 0
    /// Recipients that are held because they are in doubt; not under way.
    var doubts: [RecipientKey: Doubt] = [:]
    /// When rules decide about them; also those that somebody has decided about before.
    var verdicts = DueHeap()
    var doubtTimer: Scheduled<Void>?
    /// Messages, by their sequence, whose senders have not been told that they are accepted, and may be
    /// told that they are not.
    var provisional: [UInt64: FreshMessage] = [:]
    /// Connections that wait for an intent to be durable, by its token.
    var announcing: [UInt64: OutgoingConnection] = [:]
    var announcementTotals = AnnouncementTotals()
    /// Whether ``policy`` has queues that hold: asked for every transaction.
    private(set) var hasHoldingQueues: Bool
    /// When an administrator last gave up recipients: microseconds of the monotonic clock.
    var cancelledAt = Int64.min
    /// Recipients under way, until their outcome is durable.
    var activeRecipients = 0
    /// Groups ready or in a transaction.
    var activeGroups = 0

    var destinations: [DestinationKey: Destination] = [:]
    /// What has been worked out from ``policy``'s router.
    var destinationOfDomain: [String: Destination] = [:]
    /// Destinations with something new to do, each once.
    var touchedDestinations: [Destination] = []
    var hosts = HostMemory()
    /// Connections opening or established, in all.
    var connectionCount = 0
    /// Destinations that want a connection when there may be one more.
    var line = CircularBuffer<Destination>()
    /// Every channel there is, for timeouts.
    var connections: [ObjectIdentifier: OutgoingConnection] = [:]

    /// Outcomes of this turn of the event loop.
    var pendingEvents: [Event] = []
    var pendingContents: [Content] = []
    var pendingContentOctets = 0
    var isFlushScheduled = false
    /// Groups whose outcome waits for their message to be read from the log.
    var outcomesLoading = 0
    var isAppendRetryScheduled = false

    /// What came before ``begin(_:_:)``.
    var earlyNews: [News]? = []
    var isStopping = false
    /// Whether the time for that is over.
    var isOverdue = false
    var isDrained = false
    /// Completed when nothing is under way any more.
    var drained: EventLoopPromise<Void>?
    var scheduleTimer: Scheduled<Void>?
    /// When ``scheduleTimer`` fires.
    var scheduleTimerDue: EventTime?
    var isScheduleTurnPending = false
    var isSweepScheduled = false
    /// Whether ``connectionFreed()`` is at work.
    var isFreeing = false

    /// Keeps outcomes until they are durable.
    private(set) var keeper: AppendKeeper
    /// Where intents go before the final dot.
    let announcements: Announcements
    /// Asked between an intent and its final dot: false when another site may be sending.
    let mayFinish: @Sendable () -> Bool

    init(
        policy: DeliveryPolicy, log: any DeliveryLog, resolver: any MailResolver,
        eventLoop: any EventLoop, readers: NIOThreadPool, keeper: AppendKeeper,
        announcements: Announcements, mayFinish: @escaping @Sendable () -> Bool,
        now: @escaping @Sendable () -> EventTime, seed: UInt64, logger: Logger
    ) throws {
        self.policy = policy
        hasHoldingQueues = policy.doubt.mayHold
        self.log = log
        contents = ContentMemory(log: log, threads: readers, eventLoop: eventLoop, policy: policy)
        self.resolver = resolver
        self.eventLoop = eventLoop
        self.keeper = keeper
        self.announcements = announcements
        self.mayFinish = mayFinish
        self.logger = logger
        wallClock = now
        random = SplitMix64(seed: seed)
        selection = MXSelection(policy: policy)
        notices = NoticeBuilder(hostName: policy.hostName, policy: policy.notifications)
        opportunisticTLS = try TLSClientContext(verification: .none)
        verifyingTLS = try TLSClientContext(
            verification: .full, trustRootsFile: policy.trustRootsFile)
    }

    /// Microseconds of a clock that never steps.
    func monotonic() -> Int64 {
        Int64(truncatingIfNeeded: NIODeadline.now().uptimeNanoseconds / 1000)
    }

    /// The time for events and due times.
    func now() -> EventTime { wallClock() }

    /// How long to wait for an instant, before the clock is looked at again: somebody may set it.
    func wait(until due: EventTime) -> TimeAmount {
        .microseconds(
            min(max(0, due.microseconds - now().microseconds), Limits.clockLookMicroseconds))
    }

    /// Anything from 0 to 1.
    func randomUnit() -> Double { Double(random.next() >> 11) * 0x1p-53 }

    /// The state machine's part of a route.
    func bounds(of route: Route) -> DestinationStateMachine<DeliveryGroup>.Bounds {
        DestinationStateMachine.Bounds(
            connectionsMax: max(1, route.connectionsMax),
            messagesPerConnectionMax: max(1, route.messagesPerConnectionMax),
            idleMicroseconds: route.idleMicroseconds, backoff: policy.destinationBackoff)
    }

    /// The session's part of a route.
    func sessionConfiguration(_ route: Route, inClear: Bool) -> ClientSessionConfiguration {
        let tls: ClientTLSPolicy =
            switch route.tls {
            case .none: .none
            case .opportunistic: inClear ? .none : .opportunistic
            case .required: .required
            }
        let chunking: ClientSessionConfiguration.Chunking =
            switch route.extensions.chunking {
            case .whenNeeded: .whenNeeded
            case .preferred: .preferred
            case .never: .never
            }
        let eightBit: ClientSessionConfiguration.EightBit =
            switch route.extensions.eightBit {
            case .declared: .declared
            case .sendAsIs: .sendAsIs
            case .undeclared: .undeclared
            }
        return ClientSessionConfiguration(
            clientName: policy.hostName, tls: tls,
            credentials: route.credentials.map {
                ClientCredentials(
                    identity: $0.username, password: $0.password, nonce: Self.makeNonce())
            },
            timeouts: policy.timeouts, usesPipelining: route.extensions.pipelining,
            chunking: chunking, eightBit: eightBit)
    }

    /// 24 characters from the system's random source (RFC 5802 section 5.1).
    private static func makeNonce() -> String {
        let alphabet = Array(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        return String(
            decoding: (0..<24).map { _ in alphabet[Int.random(in: 0..<64)] }, as: UTF8.self)
    }

    /// Applies a changed policy to what begins from now on.
    func update(policy: DeliveryPolicy) {
        let trustIsNew = renewTrust(policy.trustRootsFile)
        self.policy = policy
        hasHoldingQueues = policy.doubt.mayHold
        renewVerdicts()
        contents.update(policy: policy)
        selection = MXSelection(policy: policy)
        notices = NoticeBuilder(hostName: policy.hostName, policy: policy.notifications)
        destinationOfDomain.removeAll()
        for destination in Array(destinations.values) {
            guard let route = policy.router.route(named: destination.key.route) else { continue }
            destination.update(
                route: route,
                leadsElsewhere: !route.connects(like: destination.route)
                    || trustIsNew && route.tls == .required)
            touched(destination)
        }
        connectionFreed()
        pumpTouched()
    }

    /// Reads the roots of trust again, for a file may hold others under its old name; true when other
    /// ones are in force now. When they cannot be read, those before stay.
    private func renewTrust(_ file: String?) -> Bool {
        // The system's are read once.
        guard file != nil || verifyingTLS.trustRootsFile != nil else { return false }
        do {
            let fresh = try TLSClientContext(verification: .full, trustRootsFile: file)
            guard !fresh.trusts(like: verifyingTLS) else { return false }
            verifyingTLS = fresh
            logger.notice("roots of trust read again", metadata: ["file": "\(file ?? "")"])
            return true
        } catch {
            logger.error(
                "roots of trust cannot be read: those before stay in force",
                metadata: ["file": "\(file ?? "")", "error": "\(error)"])
            return false
        }
    }
}
