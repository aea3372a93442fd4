import EventLog
import Logging
import ReplicationSchema

extension StandbyFollower {
    /// Follows over one link; returns after a handover.
    func follow(_ address: SiteAddress, _ replica: inout LogReplica<Codec>?) throws {
        let link = try dial(address)
        defer { link.close() }
        try link.send(.control(.hello(hello(replica))))
        let welcome = try awaitWelcome(link, address)
        let known = standing.knownEpoch
        guard welcome.knownEpoch >= known else {
            throw ReplicationError(
                .fenced,
                "\(welcome.site) knows epoch \(welcome.knownEpoch) only, epoch \(known) is open",
                hint: "It must rejoin: waybill site rejoin.")
        }
        if replica == nil { replica = try begin(welcome, address) }
        guard let replica else { return }
        let isWanted = state.withLock { state in
            guard state.address == address else { return false }
            state.status.site = welcome.site
            state.status.isConnected = true
            state.status.hasReached = true
            state.status.word = SourceWord(
                site: welcome.site, isPrimary: welcome.isPrimary, knownEpoch: welcome.knownEpoch,
                logEpoch: welcome.position.epoch)
            state.status.problem = nil
            state.status.isDiverged = false
            return true
        }
        guard isWanted else { throw ReplicationError(.stopped, "another site is followed") }
        heard(welcome.position.position)
        learned(epoch: welcome.knownEpoch)
        configuration.logger.notice(
            "following",
            metadata: [
                "primary": "\(welcome.site)", "address": "\(address)",
                "sequence": "\(replica.position.sequence)",
            ])
        try takeOver(replica, link, address)
    }

    /// Dials; gives up when following ends or another site is to be followed.
    private func dial(_ address: SiteAddress) throws(ReplicationError) -> Link {
        let link = try dialer.dial(
            address, heartbeat: { [self] in heartbeat() },
            intercept: { [self] frame in
                if case .control(.heartbeat(let heartbeat)) = frame { heard(heartbeat, address) }
                return false
            },
            began: { giveUp in
                let isWanted = state.withLock { state in
                    state.giveUp = giveUp
                    return !state.isStopped && state.address == address
                }
                if !isWanted { giveUp() }
            })
        let isWanted = state.withLock { state in
            state.giveUp = nil
            guard !state.isStopped, state.address == address else { return false }
            state.link = link
            return true
        }
        guard isWanted else {
            link.close()
            throw ReplicationError(.stopped, "following has ended")
        }
        return link
    }

    /// Notes a sign of life.
    private func heard(
        _ heartbeat: Waybill_Replication_V1_Heartbeat, _ address: SiteAddress
    ) {
        let isWanted = state.withLock { state in
            guard state.address == address else { return false }
            state.status.word?.knownEpoch = heartbeat.knownEpoch
            state.status.word?.logEpoch = heartbeat.position.epoch
            return true
        }
        if isWanted { heard(heartbeat.position.position) }
    }

    private func awaitWelcome(
        _ link: Link, _ address: SiteAddress
    ) throws -> Waybill_Replication_V1_Welcome {
        switch try link.receive(milliseconds: ReplicationLimits.answerMilliseconds) {
        case .control(.welcome(let welcome)):
            let ours = ReplicationLimits.protocolVersion
            guard welcome.protocol == ours else {
                throw ReplicationError(
                    .refused,
                    "\(welcome.site) speaks protocol \(welcome.protocol), this site protocol \(ours)",
                    hint: "Run the same release at both.")
            }
            return welcome
        case .control(.refused(let refused)):
            var error = ReplicationError(refused)
            if error.code == .diverged {
                error.hint =
                    "Nothing is taken over, and nothing is cut off here by itself. This exports what "
                    + "only this site has, and then follows: \(configuration.rejoinCommand) \(address)"
            }
            throw error
        case nil:
            throw ReplicationError(.timeout, "\(address) did not answer")
        default:
            throw ReplicationError(.malformed, "\(address) did not answer the Hello")
        }
    }

    private func takeOver(
        _ replica: LogReplica<Codec>, _ link: Link, _ address: SiteAddress
    ) throws {
        while !isStopped, isFollowing(address) {
            switch try link.receive(milliseconds: 1_000) {
            case nil: continue
            case .control(.files(let files)):
                try fetch(files.segments, replica, address)
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

    func isFollowing(_ address: SiteAddress) -> Bool {
        state.withLock { $0.address == address }
    }

    private func append(
        _ batches: ShippedBatches, _ replica: LogReplica<Codec>, _ link: Link
    ) throws {
        try replica.append(batches.batches, segmentFirst: batches.segmentFirst)
        state.withLock { state in
            state.status.receivedOctets += UInt64(batches.batches.reduce(0) { $0 + $1.octets })
        }
        // Batches continue the log: whatever segments were missing before it are here.
        forgetFetch()
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
        _ offered: [Waybill_Replication_V1_SegmentOnOffer], _ replica: LogReplica<Codec>,
        _ address: SiteAddress
    ) throws {
        let segments = try offered.map { offer in
            guard let segment = offer.segment else {
                throw ReplicationError(.malformed, "a segment on offer contradicts itself")
            }
            return segment
        }
        // Nothing is on offer: what a plan of an earlier link still lacks is not missing here.
        guard !segments.isEmpty else { return forgetFetch() }
        guard zip(segments, segments.dropFirst()).allSatisfy({ $0.lastSequence < $1.firstSequence })
        else { throw ReplicationError(.malformed, "the segments on offer do not ascend") }
        remember(segments)
        defer { state.withLock { $0.status.fetching = 0 } }
        let paths = Dictionary(
            uniqueKeysWithValues: segments.map {
                ($0.firstSequence, replica.incomingPath($0.firstSequence))
            })
        let fetch = SegmentFetch(
            dialer: dialer, address: address, hello: hello(replica),
            path: { paths[$0] ?? "" }, isStopped: { [self] in isStopped || !isFollowing(address) },
            received: { [self] octets in
                state.withLock { $0.status.receivedOctets += UInt64(octets) }
            })
        try fetch.run(segments) { segment in
            try replica.install(segment)
            moved(replica)
            state.withLock { state in
                state.status.fetching -= 1
                state.status.missing -= 1
            }
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
