import EventLog
package import Logging

/// Asks the other sites, again and again, whether a higher epoch is open, and so tells them of this
/// site's: how a primary that comes back learns that it is none any more.
///
/// Concurrency: any thread; each site is asked by a thread of its own.
package final class PeerWatch: Sendable {
    private struct State: Sendable {
        var isStopped = false
        var running = 0
        /// Sites that have answered, or failed to, at least once.
        var asked: Set<SiteAddress> = []
        /// Already complained about.
        var rivals: Set<SiteAddress> = []
        /// Where a site of a name has answered.
        var addresses: [String: SiteAddress] = [:]
    }

    private let peers: [SiteAddress]
    private let dialer: LinkDialer
    private let standing: @Sendable () -> SiteStanding
    private let learnedEpoch: @Sendable (UInt32, _ from: String) -> Void
    private let logger: Logger
    private let state = Monitor(State())

    /// - Parameters:
    ///   - peers: The other sites.
    ///   - dialer: How to reach them.
    ///   - standing: What this site says of itself.
    ///   - learnedEpoch: Told when another site knows a higher epoch.
    ///   - logger: Told of rivals.
    package init(
        peers: [SiteAddress], dialer: LinkDialer, standing: @escaping @Sendable () -> SiteStanding,
        learnedEpoch: @escaping @Sendable (UInt32, _ from: String) -> Void, logger: Logger
    ) {
        self.peers = peers
        self.dialer = dialer
        self.standing = standing
        self.learnedEpoch = learnedEpoch
        self.logger = logger
    }

    /// Begins; returns at once.
    package func start() {
        for peer in peers {
            state.withLock { $0.running += 1 }
            let started = OwnThread.start(name: "waybill-peer") { [self] in
                watch(peer)
                state.withLock { $0.running -= 1 }
                state.broadcast()
            }
            if !started { state.withLock { $0.running -= 1 } }
        }
    }

    /// Waits until every site has answered, or failed to, once.
    ///
    /// - Parameter milliseconds: At most so long.
    /// - Returns: Whether every one has.
    package func firstRound(milliseconds: Int) -> Bool {
        state.wait(milliseconds: milliseconds) { $0.asked.count < peers.count }
    }

    /// Where a site answers, as it is configured here: a link that it has dialled itself may come from
    /// another address than the one where it listens.
    ///
    /// - Parameter site: Its name.
    /// - Returns: nil when no site of this name has answered.
    package func address(of site: String) -> SiteAddress? {
        state.withLock { $0.addresses[site] }
    }

    /// Asks nobody any more; a question under way ends by itself.
    package func stop() {
        state.withLock { $0.isStopped = true }
        state.broadcast()
    }

    private func watch(_ peer: SiteAddress) {
        while !state.withLock({ $0.isStopped }) {
            do throws(ReplicationError) {
                judge(try dialer.ask(peer, standing()), peer)
            } catch {
                logger.debug(
                    "site not reached", metadata: ["site": "\(peer)", "reason": "\(error)"])
            }
            state.withLock { _ = $0.asked.insert(peer) }
            state.broadcast()
            _ = state.wait(
                milliseconds: Int(ReplicationLimits.heartbeatMilliseconds),
                while: { !$0.isStopped })
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
