import ConfigurationFile
import EventLog
import Logging
import MailEvents
import NIOCore
import Replication

/// Lets a standby follow whoever is the primary: asks the other sites that are known how they stand, and
/// points the follower at the one that the machine names.
///
/// Known are the configured sites, whom it follows or followed, who has the lease in etcd, and sites that
/// have dialled this one.
///
/// Concurrency: any thread; one thread of its own, and one for each site that is asked.
final class StandbySource: Sendable {
    private struct State: Sendable {
        var machine: SourceMachine
        var reason: SourceMachine.Reason?
        var isStopped = false
        var hasEnded = true
    }

    private let follower: StandbyFollower<MailEventCodec>
    private let desk: SiteDesk
    private let watch: PeerWatch
    private let listen: SiteAddress?
    private let state: Monitor<State>

    /// - Parameters:
    ///   - configuration: The server's.
    ///   - settings: Its other sites.
    ///   - follower: Whom to point.
    ///   - desk: Where it is recorded.
    ///   - group: Where links live.
    /// - Throws: `certificate`.
    init(
        _ configuration: WaybillConfiguration, _ settings: ReplicationSettings,
        _ follower: StandbyFollower<MailEventCodec>, _ desk: SiteDesk, group: any EventLoopGroup
    ) throws {
        let state = Monitor(
            State(
                machine: SourceMachine(
                    site: configuration.site, followsPrimary: desk.current.followsPrimary)))
        self.state = state
        self.follower = follower
        self.desk = desk
        listen = settings.listen
        let followed = [settings.standbyOf, desk.primaryAddress].compactMap { $0 }
        watch = PeerWatch(
            peers: (settings.peers + followed).filter { $0 != settings.listen },
            dialer: try LinkDialer(tls: settings.tls, group: group),
            standing: { follower.standing },
            learnedEpoch: { epoch, _ in follower.learned(epoch: epoch) },
            // What it says comes over its link.
            isSkipped: { $0 == follower.situation.address },
            heard: { address, answer in
                let word = answer.flatMap { SourceWord($0) }
                let now = SystemClock.monotonicMilliseconds()
                state.withLock { $0.machine.heard(address, word, now: now) }
            }, logger: Logger(label: "replication"))
    }

    /// Begins; returns at once.
    func start() {
        state.withLock { $0.hasEnded = false }
        watch.start()
        let started = OwnThread.start(name: "waybill-source") { [self] in
            while !state.withLock({ $0.isStopped }) {
                look()
                _ = state.wait(milliseconds: ReplicationLimits.sourceLookMilliseconds) {
                    !$0.isStopped
                }
            }
            state.withLock { $0.hasEnded = true }
            state.broadcast()
        }
        if !started { state.withLock { $0.hasEnded = true } }
    }

    /// Ends: when this returns, the follower is pointed nowhere else any more.
    func stop() {
        watch.stop()
        state.withLock { $0.isStopped = true }
        state.broadcast()
        state.wait(while: { !$0.hasEnded }, then: { _ in })
    }

    /// A site has told where it can be reached.
    func met(_ address: SiteAddress) {
        if address != listen { watch.add(address) }
    }

    private func look() {
        if let address = desk.holderAddress { met(address) }
        var here = follower.situation
        here.knownEpoch = max(here.knownEpoch, desk.current.epoch)
        let situation = here
        let now = SystemClock.monotonicMilliseconds()
        let (verdict, followsPrimary) = state.withLock { state in
            let verdict = state.machine.look(situation, now: now)
            state.reason = if case .stay(let reason) = verdict { reason } else { nil }
            return (verdict, state.machine.followsPrimary)
        }
        if case .move(let address, let word) = verdict, desk.found(address, word) {
            follower.follow(address)
        } else {
            desk.noteSource(isPrimary: followsPrimary)
        }
    }

    /// What the followed site is, or why it is followed all the same, as the end of a sentence that begins with
    /// who has chosen it; nil before the first look.
    var why: String? {
        switch state.withLock({ $0.reason }) {
        case .primary(let epoch): ", the primary of epoch \(epoch)"
        case .standby: ", a standby itself"
        case .waiting(let site): "; \(site) is the primary, and is followed if this goes on"
        case .rivals(let sites):
            "; \(sites.joined(separator: ", ")) say that they are the primary of one epoch: an operator "
                + "has to choose"
        case nil: nil
        case .nobody:
            watch.peers.contains { $0 != follower.situation.address }
                ? "; no other site that answers is the primary"
                : "; no other site is known (replication.peers)"
        }
    }
}
