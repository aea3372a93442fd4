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
    /// What is shared with who asks how it stands.
    struct State: Sendable {
        var address: SiteAddress
        var status: FollowerStatus
        var isStopped = false
        var hasEnded = false
        var reader: LogReader?
        var logID: [UInt8]?
        var epochs: [EpochStart] = []
        /// The highest that is known to be open somewhere.
        var knownEpoch: UInt32
        var link: Link?
        /// Gives up the attempt to dial that is under way.
        var giveUp: (@Sendable () -> Void)?
        /// A compared position: the other site's end that has not been reached here.
        var ahead: Position?
        /// There is a file that says which segments are being fetched.
        var remembersFetch = false
    }

    let configuration: FollowerConfiguration
    private let codec: Codec
    let dialer: LinkDialer
    let state: Monitor<State>
    let events: FollowerEvents

    /// - Parameters:
    ///   - configuration: Whom to follow at first, and where to.
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
                address: configuration.address,
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
                isPrimary: false, epochs: state.epochs, port: configuration.port)
        }
    }

    /// How it stands, for the decision whom it follows.
    package var situation: SourceSituation {
        state.withLock { state in
            SourceSituation(
                address: state.address, isConnected: state.status.isConnected,
                word: state.status.word, knownEpoch: state.knownEpoch,
                logEpoch: state.status.position?.epoch ?? 0)
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
        let (link, giveUp) = state.withLock { state in
            state.isStopped = true
            return (state.link, state.giveUp)
        }
        link?.close()
        giveUp?()
        state.broadcast()
        state.wait(while: { !$0.hasEnded }, then: { _ in })
    }

    var isStopped: Bool { state.withLock { $0.isStopped } }

    /// Follows another site from now on; what is here stays, and is compared with the other log first.
    ///
    /// - Parameter address: Whom.
    package func follow(_ address: SiteAddress) {
        let (link, giveUp) = state.withLock { state -> (Link?, (@Sendable () -> Void)?) in
            guard state.address != address else { return (nil, nil) }
            state.address = address
            var status = FollowerStatus(address: "\(address)")
            status.position = state.status.position
            status.lastEventTime = state.status.lastEventTime
            status.receivedOctets = state.status.receivedOctets
            state.status = status
            state.ahead = nil
            defer { state.link = nil }
            return (state.link, state.giveUp)
        }
        link?.close()
        giveUp?()
        state.broadcast()
    }

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

extension StandbyFollower {
    private func run() {
        var replica: LogReplica<Codec>?
        // The log that stands here can be read before anybody answers.
        replica = try? open(logID: nil)
        recallFetch()
        var retry = ReplicationLimits.retryMilliseconds.first
        while !isStopped {
            let before = replica?.position.sequence ?? 0
            let address = state.withLock { $0.address }
            do {
                try follow(address, &replica)
                break
            } catch {
                note(error, of: address)
                if replica?.poison != nil { replica = nil }
            }
            if replica?.position.sequence ?? 0 > before {
                retry = ReplicationLimits.retryMilliseconds.first
            }
            state.withLock { $0.status.retryMilliseconds = Int(retry) }
            _ = state.wait(milliseconds: Int(retry)) { !$0.isStopped && $0.address == address }
            retry =
                state.withLock { $0.address } == address
                ? min(2 * retry, ReplicationLimits.retryMilliseconds.most)
                : ReplicationLimits.retryMilliseconds.first
        }
        replica?.close()
    }

    private func note(_ error: any Error, of address: SiteAddress) {
        let text = "\(error)"
        let isNew = state.withLock { state in
            // What was followed before is of no interest any more.
            guard state.address == address else { return false }
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
                metadata: ["primary": "\(address)", "reason": "\(text)"])
        }
    }

    func open(logID: [UInt8]?, beginning: LogBeginning? = nil) throws -> LogReplica<Codec> {
        let replica = try LogReplica(
            directory: configuration.logDirectory, codec: codec, logID: logID,
            beginning: beginning, configuration: configuration.log)
        moved(replica)
        state.withLock { state in
            state.reader = replica.reader
            state.logID = replica.logID
        }
        state.broadcast()
        return replica
    }

    /// Notes where the log stands.
    func moved(_ replica: LogReplica<Codec>) {
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
    func heard(_ end: Position?) {
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

    func hello(_ replica: LogReplica<Codec>?) -> Waybill_Replication_V1_Hello {
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
        hello.takesPruned = replica == nil && configuration.states != nil
        return hello
    }

    func heartbeat() -> Waybill_Replication_V1_Heartbeat {
        let standing = standing
        var heartbeat = Waybill_Replication_V1_Heartbeat()
        heartbeat.position = .init(standing.position)
        heartbeat.knownEpoch = standing.knownEpoch
        heartbeat.time = configuration.log.now()
        return heartbeat
    }
}
