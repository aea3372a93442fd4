package import EventLog
import Glibc
import Logging
package import NIOCore
import ReplicationSchema

/// Takes over the log of another site, for ever: dials, catches up, follows, and dials again.
///
/// What it does: makes durable, then acknowledges; checks every batch and segment before it believes it.
///
/// What it never does: write behind a gap, follow a site that knows a lower epoch, change its log when
/// the other site's is another one.
///
/// Concurrency: any thread; the work is done on a thread of its own.
package final class StandbyFollower<Codec: BatchCodec>: Sendable {
    private struct State: Sendable {
        var status: FollowerStatus
        var isStopped = false
        var hasEnded = false
        var reader: LogReader?
        var logID: [UInt8]?
        var epochs: [EpochStart] = []
        /// The highest that is known to be open somewhere.
        var knownEpoch: UInt32
        var link: Link?
        /// A compared position: the other site's end that has not been reached here.
        var ahead: Position?
    }

    private let configuration: FollowerConfiguration
    private let codec: Codec
    private let dialer: LinkDialer
    private let state: Monitor<State>
    private let events: FollowerEvents

    /// - Parameters:
    ///   - configuration: Whom to follow, and where to.
    ///   - codec: Of the log.
    ///   - knownEpoch: The highest epoch that is known to be open somewhere.
    ///   - tls: What this site shows and trusts.
    ///   - events: What the composition root wants to know.
    ///   - group: Where links live.
    /// - Throws: `certificate`.
    package init(
        configuration: FollowerConfiguration, codec: Codec, knownEpoch: UInt32,
        tls: ReplicationTLS, events: FollowerEvents, group: any EventLoopGroup
    ) throws(ReplicationError) {
        self.configuration = configuration
        self.codec = codec
        self.events = events
        dialer = try LinkDialer(tls: tls, group: group)
        state = Monitor(
            State(
                status: FollowerStatus(address: "\(configuration.address)"),
                knownEpoch: knownEpoch))
    }

    /// How it stands.
    package var status: FollowerStatus { state.withLock { $0.status } }

    /// What this site can say of itself.
    package var standing: SiteStanding {
        state.withLock { state in
            SiteStanding(
                site: configuration.site, logID: state.logID,
                position: state.status.position ?? .beginning, knownEpoch: state.knownEpoch,
                isPrimary: false, epochs: state.epochs)
        }
    }

    /// Begins; returns at once.
    ///
    /// - Throws: When the system gives no thread.
    package func start() throws(ReplicationError) {
        let started = OwnThread.start(name: "waybill-follow") { [self] in
            run()
            state.withLock { $0.hasEnded = true }
            state.broadcast()
        }
        guard started else { throw ReplicationError(.stopped, "the system gives no thread") }
    }

    /// The log's reader, once there is a log.
    ///
    /// - Parameter milliseconds: How long to wait for it.
    /// - Returns: nil when there is none in that time.
    package func reader(milliseconds: Int) -> LogReader? {
        _ = state.wait(milliseconds: milliseconds) { $0.reader == nil && !$0.hasEnded }
        return state.withLock { $0.reader }
    }

    /// Ends following: when this returns, the log is closed and may be opened by another writer.
    package func stop() {
        let link = state.withLock { state in
            state.isStopped = true
            return state.link
        }
        link?.close()
        state.broadcast()
        state.wait(while: { !$0.hasEnded }, then: { _ in })
    }

    private var isStopped: Bool { state.withLock { $0.isStopped } }

    /// Closes the link that stands, if one does: it is made again.
    func dropLink() { state.withLock { $0.link }?.close() }

    /// Another site has told of an epoch.
    package func learned(epoch: UInt32) {
        let isNew = state.withLock { state in
            guard epoch > state.knownEpoch else { return false }
            state.knownEpoch = epoch
            return true
        }
        if isNew { events.learnedEpoch(epoch) }
    }
}

/// What a standby tells its composition root.
///
/// Concurrency: closures are called on the follower's thread or an event loop, and must not block long.
package struct FollowerEvents: Sendable {
    /// A higher epoch is open somewhere.
    package var learnedEpoch: @Sendable (UInt32) -> Void
    /// The primary has stopped at the position where this log ends, and asks to be followed: the epoch
    /// that will be opened, or why not.
    package var handover: @Sendable (Position) -> Result<UInt32, ReplicationError>
    /// The primary has been told which epoch will be opened, as far as that was possible: now it is to
    /// be opened. The link ends only with this, so that the answer gets there.
    package var tookOver: @Sendable (UInt32) -> Void

    /// Creates them.
    package init(
        learnedEpoch: @escaping @Sendable (UInt32) -> Void,
        handover: @escaping @Sendable (Position) -> Result<UInt32, ReplicationError>,
        tookOver: @escaping @Sendable (UInt32) -> Void = { _ in }
    ) {
        self.learnedEpoch = learnedEpoch
        self.handover = handover
        self.tookOver = tookOver
    }
}

extension StandbyFollower {
    private func run() {
        var replica: LogReplica<Codec>?
        // The log that stands here can be read before anybody answers.
        replica = try? open(logID: nil)
        var retry = ReplicationLimits.retryMilliseconds.first
        while !isStopped {
            let before = replica?.position.sequence ?? 0
            do {
                try follow(&replica)
                break
            } catch {
                note(error)
                if replica?.poison != nil { replica = nil }
            }
            if replica?.position.sequence ?? 0 > before {
                retry = ReplicationLimits.retryMilliseconds.first
            }
            _ = state.wait(milliseconds: Int(retry)) { !$0.isStopped }
            retry = min(2 * retry, ReplicationLimits.retryMilliseconds.most)
        }
        replica?.close()
    }

    private func note(_ error: any Error) {
        let text = "\(error)"
        let isNew = state.withLock { state in
            state.link = nil
            state.status.isConnected = false
            state.status.fetching = 0
            state.status.isDiverged = (error as? ReplicationError)?.code == .diverged
            defer { state.status.problem = text }
            return state.status.problem != text && !state.isStopped
        }
        if isNew {
            configuration.logger.warning(
                "not following",
                metadata: ["primary": "\(configuration.address)", "reason": "\(text)"])
        }
    }

    private func open(logID: [UInt8]?) throws -> LogReplica<Codec> {
        let replica = try LogReplica(
            directory: configuration.logDirectory, codec: codec, logID: logID,
            configuration: configuration.log)
        moved(replica)
        state.withLock { state in
            state.reader = replica.reader
            state.logID = replica.logID
        }
        state.broadcast()
        return replica
    }

    /// Notes where the log stands.
    private func moved(_ replica: LogReplica<Codec>) {
        let epoch = state.withLock { state -> UInt32? in
            state.status.position = replica.position
            state.status.lastEventTime = replica.lastEventTime
            state.epochs = replica.epochs
            if let ahead = state.ahead, ahead.sequence <= replica.position.sequence {
                if ahead == replica.position { state.status.consistentAsOf = ahead.sequence }
                state.ahead = nil
            }
            guard replica.position.epoch > state.knownEpoch else { return nil }
            state.knownEpoch = replica.position.epoch
            return state.knownEpoch
        }
        if let epoch { events.learnedEpoch(epoch) }
    }

    /// Notes where the other site's log ends.
    private func heard(_ end: Position?) {
        let now = configuration.log.now()
        state.withLock { state in
            state.status.lastHeard = now
            guard let end else { return }
            state.status.end = end
            if end == state.status.position {
                state.status.consistentAsOf = end.sequence
            } else if state.ahead == nil {
                state.ahead = end
            }
        }
    }

    private func hello(_ replica: LogReplica<Codec>?) -> Waybill_Replication_V1_Hello {
        let standing = standing
        var hello = Waybill_Replication_V1_Hello()
        hello.protocol = ReplicationLimits.protocolVersion
        hello.purpose = .follow
        hello.logIDOctets = standing.logID ?? []
        hello.site = standing.site
        hello.position = .init(standing.position)
        hello.knownEpoch = standing.knownEpoch
        hello.activeFirst = replica?.activeFirst ?? 0
        hello.delaySeconds = configuration.delaySeconds
        hello.port = configuration.port
        hello.version = configuration.version
        return hello
    }

    private func heartbeat() -> Waybill_Replication_V1_Heartbeat {
        let standing = standing
        var heartbeat = Waybill_Replication_V1_Heartbeat()
        heartbeat.position = .init(standing.position)
        heartbeat.knownEpoch = standing.knownEpoch
        heartbeat.time = configuration.log.now()
        return heartbeat
    }
}

extension StandbyFollower {
    /// Follows over one link; returns after a handover.
    private func follow(_ replica: inout LogReplica<Codec>?) throws {
        let link = try dialer.dial(
            configuration.address, heartbeat: { [self] in heartbeat() },
            intercept: { [self] frame in
                if case .control(.heartbeat(let heartbeat)) = frame {
                    heard(heartbeat.position.position)
                }
                return false
            })
        defer { link.close() }
        let isStopped = state.withLock { state in
            state.link = link
            return state.isStopped
        }
        guard !isStopped else { throw ReplicationError(.stopped, "following has ended") }
        try link.send(.control(.hello(hello(replica))))
        let welcome = try awaitWelcome(link)
        let known = standing.knownEpoch
        guard welcome.knownEpoch >= known else {
            throw ReplicationError(
                .fenced,
                "\(welcome.site) knows epoch \(welcome.knownEpoch) only, epoch \(known) is open",
                hint: "It must rejoin: waybill site rejoin.")
        }
        if replica == nil { replica = try open(logID: welcome.logIDOctets) }
        guard let replica else { return }
        state.withLock { state in
            state.status.site = welcome.site
            state.status.isConnected = true
            state.status.problem = nil
            state.status.isDiverged = false
        }
        heard(welcome.position.position)
        learned(epoch: welcome.knownEpoch)
        configuration.logger.notice(
            "following",
            metadata: [
                "primary": "\(welcome.site)", "address": "\(configuration.address)",
                "sequence": "\(replica.position.sequence)",
            ])
        try takeOver(replica, link)
    }

    private func awaitWelcome(_ link: Link) throws -> Waybill_Replication_V1_Welcome {
        switch try link.receive(milliseconds: ReplicationLimits.answerMilliseconds) {
        case .control(.welcome(let welcome)): return welcome
        case .control(.refused(let refused)):
            throw ReplicationError(refused)
        case nil:
            throw ReplicationError(.timeout, "\(configuration.address) did not answer")
        default:
            throw ReplicationError(
                .malformed, "\(configuration.address) did not answer the Hello")
        }
    }

    private func takeOver(_ replica: LogReplica<Codec>, _ link: Link) throws {
        while !isStopped {
            switch try link.receive(milliseconds: 1_000) {
            case nil: continue
            case .control(.files(let files)):
                try fetch(files.segments, replica)
                var follow = Waybill_Replication_V1_Follow()
                follow.position = .init(replica.position)
                follow.activeFirst = replica.activeFirst
                try link.send(.control(.follow(follow)))
            case .batches(let batches):
                try append(batches, replica, link)
            case .control(.handover(let handover)):
                if try takeOffice(handover, replica, link) { return }
            default:
                throw ReplicationError(.malformed, "\(link.peer) sent what no primary sends")
            }
        }
        throw ReplicationError(.stopped, "following has ended")
    }

    private func append(
        _ batches: ShippedBatches, _ replica: LogReplica<Codec>, _ link: Link
    ) throws {
        try replica.append(batches.batches, segmentFirst: batches.segmentFirst)
        state.withLock { state in
            state.status.receivedOctets += UInt64(batches.batches.reduce(0) { $0 + $1.octets })
        }
        acknowledge(replica, link)
        moved(replica)
        heard(batches.end)
    }

    private func acknowledge(_ replica: LogReplica<Codec>, _ link: Link) {
        var acknowledged = Waybill_Replication_V1_Acknowledged()
        acknowledged.position = .init(replica.position)
        link.post(.control(.acknowledged(acknowledged)))
    }

    private func fetch(
        _ offered: [Waybill_Replication_V1_SegmentOnOffer], _ replica: LogReplica<Codec>
    ) throws {
        let segments = try offered.map { offer in
            guard let segment = offer.segment else {
                throw ReplicationError(.malformed, "a segment on offer contradicts itself")
            }
            return segment
        }
        guard !segments.isEmpty else { return }
        guard zip(segments, segments.dropFirst()).allSatisfy({ $0.lastSequence < $1.firstSequence })
        else { throw ReplicationError(.malformed, "the segments on offer do not ascend") }
        state.withLock { $0.status.fetching = segments.count }
        defer { state.withLock { $0.status.fetching = 0 } }
        let paths = Dictionary(
            uniqueKeysWithValues: segments.map {
                ($0.firstSequence, replica.incomingPath($0.firstSequence))
            })
        let fetch = SegmentFetch(
            dialer: dialer, address: configuration.address, hello: hello(replica),
            path: { paths[$0] ?? "" }, isStopped: { [self] in isStopped },
            received: { [self] octets in
                state.withLock { $0.status.receivedOctets += UInt64(octets) }
            })
        try fetch.run(segments) { segment in
            try replica.install(segment)
            moved(replica)
            state.withLock { $0.status.fetching -= 1 }
        }
    }

    /// Answers a primary that hands over.
    ///
    /// - Returns: Whether this site takes over: following has ended.
    private func takeOffice(
        _ handover: Waybill_Replication_V1_Handover, _ replica: LogReplica<Codec>, _ link: Link
    ) throws -> Bool {
        var answer = Waybill_Replication_V1_HandoverAnswer()
        var result: Result<UInt32, ReplicationError> = .failure(
            ReplicationError(
                .refused, "the standby's log does not end where the primary's does"))
        if handover.position.position == replica.position {
            result = events.handover(replica.position)
        }
        switch result {
        case .success(let epoch):
            answer.accepted = true
            answer.epoch = epoch
            // Before the answer: a primary that misses it asks, and must hear that the epoch is taken.
            learned(epoch: epoch)
        case .failure(let error): answer.message = "\(error)"
        }
        // The new role is recorded: it is taken whether or not the primary hears of it.
        defer { if answer.accepted { events.tookOver(answer.epoch) } }
        try link.send(.control(.handoverAnswer(answer)))
        return answer.accepted
    }
}

extension ReplicationError {
    /// What another site's refusal means here.
    init(_ refused: Waybill_Replication_V1_Refused) {
        switch refused.reason {
        case .diverged:
            self.init(
                .diverged, refused.message,
                hint: "Nothing is taken over. Let this site rejoin: waybill site rejoin.")
        case .fenced: self.init(.fenced, refused.message)
        default: self.init(.refused, refused.message)
        }
    }
}
