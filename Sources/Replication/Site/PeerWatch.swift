import EventLog
package import Logging

/// Asks the other sites, again and again, how they stand, and so tells them which epoch is open here: how a
/// primary that comes back learns that it is none any more, and a standby who the primary is.
///
/// Concurrency: any thread; each site is asked by a thread of its own.
package final class PeerWatch: Sendable {
    private struct State: Sendable {
        var peers: [SiteAddress] = []
        var isStarted = false
        var isStopped = false
        var running = 0
        /// Sites that have answered, or failed to, at least once.
        var asked: Set<SiteAddress> = []
        /// What gives up the questions under way.
        var giveUps: [SiteAddress: @Sendable () -> Void] = [:]
        /// Already complained about.
        var rivals: Set<SiteAddress> = []
        /// Where a site of a name has answered.
        var addresses: [String: SiteAddress] = [:]
    }

    private let dialer: LinkDialer
    private let standing: @Sendable () -> SiteStanding
    private let learnedEpoch: @Sendable (UInt32, _ from: String) -> Void
    private let isSkipped: @Sendable (SiteAddress) -> Bool
    private let heard: @Sendable (SiteAddress, PeerAnswer?) -> Void
    private let logger: Logger
    private let state: Monitor<State>

    /// - Parameters:
    ///   - peers: The other sites.
    ///   - dialer: How to reach them.
    ///   - standing: What this site says of itself.
    ///   - learnedEpoch: Told when another site knows a higher epoch.
    ///   - isSkipped: Whether a site is not to be asked now.
    ///   - heard: Told of each answer; nil: there was none. On the thread that asks.
    ///   - logger: Told of rivals.
    package init(
        peers: [SiteAddress], dialer: LinkDialer, standing: @escaping @Sendable () -> SiteStanding,
        learnedEpoch: @escaping @Sendable (UInt32, _ from: String) -> Void,
        isSkipped: @escaping @Sendable (SiteAddress) -> Bool = { _ in false },
        heard: @escaping @Sendable (SiteAddress, PeerAnswer?) -> Void = { _, _ in },
        logger: Logger
    ) {
        var first = State()
        for peer in peers where !first.peers.contains(peer) { first.peers.append(peer) }
        state = Monitor(first)
        self.isSkipped = isSkipped
        self.heard = heard
        self.dialer = dialer
        self.standing = standing
        self.learnedEpoch = learnedEpoch
        self.logger = logger
    }

    /// Begins; returns at once.
    package func start() {
        let peers = state.withLock { state in
            state.isStarted = true
            return state.peers
        }
        for peer in peers { startWatching(peer) }
    }

    /// Asks one more site, if it is new and there are not too many.
    ///
    /// - Parameter peer: Where.
    package func add(_ peer: SiteAddress) {
        let isNew = state.withLock { state in
            guard !state.isStopped, !state.peers.contains(peer),
                state.peers.count < ReplicationLimits.askedSites
            else { return false }
            state.peers.append(peer)
            return state.isStarted
        }
        if isNew { startWatching(peer) }
    }

    /// Whom it asks.
    package var peers: [SiteAddress] { state.withLock { $0.peers } }

    private func startWatching(_ peer: SiteAddress) {
        state.withLock { $0.running += 1 }
        let started = OwnThread.start(name: "waybill-peer") { [self] in
            watch(peer)
            state.withLock { $0.running -= 1 }
            state.broadcast()
        }
        if !started { state.withLock { $0.running -= 1 } }
    }

    /// Waits until every site has answered, or failed to, once.
    ///
    /// - Parameter milliseconds: At most so long.
    /// - Returns: Whether every one has.
    package func firstRound(milliseconds: Int) -> Bool {
        state.wait(milliseconds: milliseconds) { $0.asked.count < $0.peers.count }
    }

    /// Where a site answers, as it is configured here: a link that it has dialled itself may come from
    /// another address than the one where it listens.
    ///
    /// - Parameter site: Its name.
    /// - Returns: nil when no site of this name has answered.
    package func address(of site: String) -> SiteAddress? {
        state.withLock { $0.addresses[site] }
    }

    /// Milliseconds that questions under way may take to end once they were given up.
    private static let stopMilliseconds = 2_000

    /// Asks nobody any more; questions under way are given up.
    package func stop() {
        let giveUps = state.withLock { state in
            state.isStopped = true
            return Array(state.giveUps.values)
        }
        for giveUp in giveUps { giveUp() }
        state.broadcast()
        _ = state.wait(milliseconds: Self.stopMilliseconds) { $0.running > 0 }
    }

    private func watch(_ peer: SiteAddress) {
        while !state.withLock({ $0.isStopped }) {
            if !isSkipped(peer) { ask(peer) }
            state.withLock { state in
                state.asked.insert(peer)
                state.giveUps[peer] = nil
            }
            state.broadcast()
            _ = state.wait(
                milliseconds: Int(ReplicationLimits.heartbeatMilliseconds),
                while: { !$0.isStopped })
        }
    }

    private func ask(_ peer: SiteAddress) {
        do throws(ReplicationError) {
            let answer = try dialer.ask(peer, standing()) { giveUp in
                let isStopped = state.withLock { state in
                    state.giveUps[peer] = giveUp
                    return state.isStopped
                }
                if isStopped { giveUp() }
            }
            if !answer.isOtherLog { judge(answer, peer) }
            heard(peer, answer)
        } catch {
            heard(peer, nil)
            logger.debug(
                "site not reached", metadata: ["site": "\(peer)", "reason": "\(error)"])
        }
    }

    private func judge(_ answer: PeerAnswer, _ peer: SiteAddress) {
        let here = standing()
        let name = answer.site.isEmpty ? "\(peer)" : answer.site
        if answer.knownEpoch > here.knownEpoch { learnedEpoch(answer.knownEpoch, name) }
        if !answer.site.isEmpty, answer.site != here.site {
            state.withLock { $0.addresses[answer.site] = peer }
        }
        let isRival =
            answer.isPrimary && here.isPrimary && answer.knownEpoch == here.knownEpoch
        let isNew = state.withLock { state in
            guard isRival else {
                state.rivals.remove(peer)
                return false
            }
            return state.rivals.insert(peer).inserted
        }
        if isNew {
            logger.critical(
                "two primaries of one epoch: waybill site promote --force at the one that is to go on fences the other",
                metadata: ["site": "\(name)", "epoch": "\(here.knownEpoch)"])
        }
    }
}
