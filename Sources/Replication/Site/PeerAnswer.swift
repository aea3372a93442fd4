package import EventLog
import ReplicationSchema

/// What another site says of itself when it is asked.
///
/// Concurrency: value.
package struct PeerAnswer: Hashable, Sendable {
    /// Its name; empty when it did not say.
    package var site: String
    package var knownEpoch: UInt32
    package var isPrimary: Bool
    /// Where its log ends.
    package var position: Position?
    /// Where the reigns of its log begin, ascending.
    package var epochs: [EpochStart]
    /// Why it does not want to know this site; nil when it does.
    package var refusal: String?
    /// Where its log and the asker's are still the same, when the logs have gone different ways.
    package var common: Position?
    /// The logs have gone different ways.
    package var isDiverged = false
    /// It holds another log: its epochs say nothing of this one's.
    package var isOtherLog = false
}

extension LinkDialer {
    /// Asks a site how it stands, and so tells it which epoch is known here: a primary of a lower one
    /// stops when it hears of it.
    ///
    /// - Parameters:
    ///   - address: Where.
    ///   - standing: What this site says of itself.
    ///   - wouldFollow: Also ask whether this site's log is a beginning of the other one's.
    ///   - began: Given what gives the question up, from any thread; a second time once there is a link.
    /// - Returns: The answer.
    /// - Throws: `unreachable`, `timeout`, `certificate`, `malformed`.
    package func ask(
        _ address: SiteAddress, _ standing: SiteStanding, wouldFollow: Bool = false,
        began: (@escaping @Sendable () -> Void) -> Void = { _ in }
    ) throws(ReplicationError) -> PeerAnswer {
        let link = try dial(address, heartbeat: { .init() }, began: began)
        defer { link.close() }
        began { link.close() }
        var hello = Waybill_Replication_V1_Hello()
        hello.protocol = ReplicationLimits.protocolVersion
        hello.purpose = wouldFollow ? .follow : .ask
        hello.logIDOctets = standing.logID ?? []
        hello.site = standing.site
        hello.position = .init(standing.position)
        hello.knownEpoch = standing.knownEpoch
        hello.isPrimary = standing.isPrimary
        hello.port = standing.port
        try link.send(.control(.hello(hello)))
        switch try link.receive(milliseconds: ReplicationLimits.answerMilliseconds) {
        case .control(.welcome(let welcome)):
            return PeerAnswer(
                site: welcome.site, knownEpoch: welcome.knownEpoch,
                isPrimary: welcome.isPrimary, position: welcome.position.position,
                epochs: welcome.epochs.map {
                    EpochStart(epoch: $0.epoch, firstSequence: $0.firstSequence)
                })
        case .control(.refused(let refused)):
            var answer = PeerAnswer(
                site: "", knownEpoch: refused.knownEpoch, isPrimary: false,
                position: refused.position.position,
                epochs: refused.epochs.map {
                    EpochStart(epoch: $0.epoch, firstSequence: $0.firstSequence)
                }, refusal: refused.message)
            answer.isDiverged = refused.reason == .diverged
            answer.isOtherLog = refused.reason == .otherLog
            answer.common = refused.hasCommon ? refused.common.position : nil
            return answer
        case nil: throw ReplicationError(.timeout, "\(address) did not answer")
        default: throw ReplicationError(.malformed, "\(address) did not answer the Hello")
        }
    }
}
