import EventLog
import Glibc
import Logging
import NIOCore
import ReplicationSchema

/// One link of another site, from its Hello to its end.
///
/// ```
/// S: Hello FOLLOW, position            (S the standby, P this site)
/// P: Welcome
/// P: Files: sealed segments            S fetches them over further links (FETCH)
/// S: Follow, position
/// P: batches ...                       S: Acknowledged, position ...
/// ```
///
/// Concurrency: ``run()`` on a thread of its own; the rest any thread.
final class ShippingSession: Sendable {
    private struct State {
        var follower: String?
        var boardLink: UInt64 = 0
        var isStopped = false
        /// Where the primary hands over; nothing is shipped behind it.
        var handover: Position?
        /// The standby may have been told to take over.
        var isHandedOver = false
        var answer: Result<UInt32, ReplicationError>?
    }

    private let link: Link
    private let site: ShippingSite
    private let pace: ShippingPace
    private let state = Monitor(State())

    init(link: Link, site: ShippingSite, pace: ShippingPace) {
        self.link = link
        self.site = site
        self.pace = pace
    }

    var channelID: ObjectIdentifier { ObjectIdentifier(link.channel) }
    /// Who follows by this link; nil before that is clear, and for other links.
    var follower: String? { state.withLock { $0.follower } }
    private var isStopped: Bool { state.withLock { $0.isStopped } || link.isClosed }

    func stop() {
        state.withLock { $0.isStopped = true }
        link.close()
    }

    func acknowledged(_ position: Position) {
        // Whoever says to have more than there is would be counted for what it never had.
        let end = site.standing().position.sequence
        guard position.sequence <= end else {
            site.logger.error(
                "link ended: a standby acknowledges what there is not",
                metadata: [
                    "peer": "\(link.peer)", "sequence": "\(position.sequence)", "end": "\(end)",
                ])
            return stop()
        }
        let (follower, number) = state.withLock { ($0.follower, $0.boardLink) }
        if let follower { site.board.acknowledged(follower, link: number, position: position) }
    }

    /// Runs until the link ends.
    func run() {
        defer { link.close() }
        do {
            try serve()
        } catch let error as ReplicationError where error.code == .unreachable {
            site.logger.debug("link ended", metadata: ["reason": "\(error)"])
        } catch {
            site.logger.warning(
                "link ended", metadata: ["peer": "\(link.peer)", "reason": "\(error)"])
        }
        let (follower, number) = state.withLock { state in
            // Whoever waits for a handover learns how it ended.
            if state.answer == nil {
                state.answer = .failure(
                    state.isHandedOver
                        ? ReplicationError(.inDoubt, "the link ended before the standby's answer")
                        : ReplicationError(.unreachable, "the link ended before the handover"))
            }
            return (state.follower, state.boardLink)
        }
        state.broadcast()
        guard let follower else { return }
        site.board.disconnected(follower, link: number)
        site.logger.notice("standby gone", metadata: ["site": "\(follower)"])
    }

    private func serve() throws {
        guard
            case .control(.hello(let hello)) = try link.receive(
                milliseconds: ReplicationLimits.answerMilliseconds)
        else { throw ReplicationError(.malformed, "\(link.peer) did not say Hello") }
        let reader = site.reader
        var standing = site.standing()
        standing.epochs = try reader.epochs()
        var judge = HelloJudge(standing: standing, firstSequence: reader.firstSequence) {
            try reader.end(ofBatchAt: $0)
        }
        judge.sendsStates = site.states != nil
        switch try judge.judge(hello) {
        case .fencedBy(let epoch):
            meet(hello)
            site.learnedEpoch(epoch, hello.site)
            try refuse(
                .fenced, "\(standing.site) has stopped: epoch \(epoch) is open elsewhere",
                standing, knownEpoch: epoch)
        case .refused(let reason, let message, let common):
            site.logger.warning(
                "site refused", metadata: ["site": "\(hello.site)", "reason": "\(message)"])
            try refuse(reason, message, standing, common: common)
        case .welcome:
            meet(hello)
            if hello.knownEpoch > standing.knownEpoch {
                site.learnedEpoch(hello.knownEpoch, hello.site)
            }
            try link.send(.control(.welcome(welcome(standing, hello))))
            switch hello.purpose {
            case .follow: try ship(hello)
            case .fetch: try serveFiles()
            default: _ = try link.receive(milliseconds: ReplicationLimits.answerMilliseconds)
            }
        }
    }

    /// Notes where a site of the same log can be reached.
    private func meet(_ hello: Waybill_Replication_V1_Hello) {
        if !hello.logIDOctets.isEmpty, let address = link.siteAddress(port: hello.port) {
            site.met(address)
        }
    }

    private func welcome(
        _ standing: SiteStanding, _ hello: Waybill_Replication_V1_Hello
    ) -> Waybill_Replication_V1_Welcome {
        var welcome = Waybill_Replication_V1_Welcome()
        welcome.protocol = ReplicationLimits.protocolVersion
        welcome.logIDOctets = standing.logID ?? []
        welcome.site = standing.site
        welcome.position = .init(standing.position)
        welcome.knownEpoch = standing.knownEpoch
        welcome.epochs = standing.epochs.map { .init($0) }
        welcome.isPrimary = standing.isPrimary
        welcome.version = site.version
        if hello.position.sequence == 0, let record = site.reader.pruned {
            welcome.prunedOctets = record.bytes
        }
        return welcome
    }

    private func refuse(
        _ reason: Waybill_Replication_V1_RefusalReason, _ message: String,
        _ standing: SiteStanding, knownEpoch: UInt32? = nil, common: Position? = nil
    ) throws {
        var refused = Waybill_Replication_V1_Refused()
        refused.reason = reason
        refused.message = message
        refused.position = .init(standing.position)
        refused.knownEpoch = knownEpoch ?? standing.knownEpoch
        if let common { refused.common = .init(common) }
        refused.epochs = standing.epochs.map { .init($0) }
        try link.send(.control(.refused(refused)))
    }
}

extension ShippingSession {
    /// Ships until the link ends.
    private func ship(_ hello: Waybill_Replication_V1_Hello) throws {
        var next = hello.position.sequence
        let number = site.board.connected(
            hello.site, peer: link.peer, address: link.address(port: hello.port),
            position: hello.position.position ?? .beginning)
        state.withLock { state in
            state.follower = hello.site
            state.boardLink = number
        }
        site.logger.notice(
            "standby follows",
            metadata: ["site": "\(hello.site)", "peer": "\(link.peer)", "sequence": "\(next)"])
        // What it lacks of the segment that it is in the middle of comes first.
        try offer([])
        next = try follow()
        while !isStopped {
            if let position = state.withLock({ $0.handover }), next >= position.sequence {
                return try finishHandover(position)
            }
            switch try site.reader.nextToShip(
                after: next, octetsMax: ReplicationLimits.batchesOctets)
            {
            case .atEnd:
                _ = try site.reader.waitForBatch(
                    after: next,
                    timeoutMilliseconds: Int(ReplicationLimits.heartbeatMilliseconds) / 5)
            case .file(let segment):
                let further = try site.reader.sealedSegments(after: segment.lastSequence)
                let ripe = try ripe([segment] + further, delaySeconds: hello.delaySeconds)
                guard !ripe.isEmpty else { continue }
                try offer(ripe)
                next = try follow()
            case .batches(let first, let batches):
                let ripe = try ripe(batches, delaySeconds: hello.delaySeconds)
                guard let last = ripe.last?.header else { continue }
                try send(ripe, segmentFirst: first, to: hello.site)
                next = last.lastSequence
            }
        }
    }

    private func send(
        _ batches: [ShippedBatch], segmentFirst: UInt64, to follower: String
    ) throws {
        let octets = batches.reduce(0) { $0 + $1.octets }
        pace.take(octets)
        let end = site.standing().position
        try link.send(
            .batches(ShippedBatches(segmentFirst: segmentFirst, end: end, batches: batches)))
        site.board.sent(follower, octets: octets)
    }

    /// Of batches, those that are old enough; waits a little when none is.
    private func ripe(
        _ batches: [ShippedBatch], delaySeconds: UInt32
    ) throws -> [ShippedBatch] {
        guard delaySeconds > 0 else { return batches }
        let before = site.now() - Int64(delaySeconds) * 1_000_000
        let ripe = batches.prefix { ($0.header?.lastTime ?? .max) <= before }
        if ripe.isEmpty { _ = usleep(200_000) }
        return Array(ripe)
    }

    /// Of sealed segments, those whose last event is old enough; waits a little when none is.
    private func ripe(
        _ segments: [SealedSegment], delaySeconds: UInt32
    ) throws -> [SealedSegment] {
        guard delaySeconds > 0 else { return segments }
        let before = site.now() - Int64(delaySeconds) * 1_000_000
        let ripe = try segments.prefix { segment in
            let last = try site.reader.batch(containing: segment.lastSequence)
            return last?.header.lastTime ?? .max <= before
        }
        if ripe.isEmpty { _ = usleep(200_000) }
        return Array(ripe)
    }

    private func offer(_ segments: [SealedSegment]) throws {
        var files = Waybill_Replication_V1_Files()
        files.segments = segments.map { .init($0) }
        try link.send(.control(.files(files)))
    }

    /// Waits until the standby has what it was offered.
    ///
    /// - Returns: The sequence that it has.
    private func follow() throws -> UInt64 {
        while !isStopped {
            guard let frame = try link.receive(milliseconds: 1_000) else { continue }
            guard case .control(.follow(let follow)) = frame,
                let position = follow.position.position
            else { throw ReplicationError(.malformed, "\(link.peer) did not say Follow") }
            acknowledged(position)
            return position.sequence
        }
        throw ReplicationError(.stopped, "shipping has ended")
    }

    /// Sends what files are asked for.
    private func serveFiles() throws {
        while !isStopped {
            switch try link.receive(milliseconds: 1_000) {
            case nil: continue
            case .control(.segmentRequest(let request)):
                let source = try site.reader.source(ofSealed: request.firstSequence)
                try send { try source.octets(at: $0, count: ReplicationLimits.pieceOctets) }
            case .control(.stateRequest(let request)):
                let file = try StateFile(request, of: site.reader, site.states)
                try send { try file.octets(at: $0, count: ReplicationLimits.pieceOctets) }
            default: throw ReplicationError(.malformed, "\(link.peer) asked for no file")
            }
        }
    }

    /// Sends a file, piece by piece, up to the first empty one.
    private func send(_ piece: (UInt64) throws -> [UInt8]) throws {
        var digest = RunningDigest()
        var offset: UInt64 = 0
        while true {
            let piece = try piece(offset)
            guard !piece.isEmpty else { break }
            digest.add(piece)
            offset += UInt64(piece.count)
            pace.take(piece.count)
            try link.send(.piece(piece))
        }
        var end = Waybill_Replication_V1_SegmentEnd()
        end.octets = offset
        end.digestOctets = digest.finish()
        try link.send(.control(.segmentEnd(end)))
    }
}

extension ShippingSession {
    /// Asks the standby to take over, once it has everything.
    func handOver(at position: Position) throws(ReplicationError) -> UInt32 {
        state.withLock { $0.handover = position }
        _ = state.wait(milliseconds: 3 * ReplicationLimits.answerMilliseconds) {
            $0.answer == nil && !$0.isStopped
        }
        let (answer, isHandedOver) = state.withLock { state in
            // Not asked yet: it must not be, from here on.
            if !state.isHandedOver { state.handover = nil }
            return (state.answer, state.isHandedOver)
        }
        guard let answer else {
            guard !isHandedOver else {
                throw ReplicationError(
                    .inDoubt, "the standby was asked to take over, and is silent")
            }
            throw ReplicationError(
                .timeout, "the standby did not take over in time",
                hint: "Nothing was given up here; try again.")
        }
        return try answer.get()
    }

    /// Asks, unless nobody waits for it any more.
    private func finishHandover(_ position: Position) throws {
        let isWanted = state.withLock { state in
            state.isHandedOver = state.handover != nil
            return state.isHandedOver
        }
        guard isWanted else { return }
        var handover = Waybill_Replication_V1_Handover()
        handover.position = .init(position)
        try link.send(.control(.handover(handover)))
        var result: Result<UInt32, ReplicationError> = .failure(
            ReplicationError(.inDoubt, "the standby gave no answer to the handover"))
        if case .control(.handoverAnswer(let answer)) = try link.receive(
            milliseconds: 2 * ReplicationLimits.answerMilliseconds)
        {
            result =
                answer.accepted
                ? .success(answer.epoch)
                : .failure(ReplicationError(.refused, answer.message))
        }
        state.withLock { $0.answer = result }
        state.broadcast()
    }
}
