import EventLog
import MailProjections
import Projections

/// Replays all projections from a copy of a log, and compares their digests with the live node's at the
/// same sequence.
///
/// Concurrency: bound to the thread that runs it; it blocks.
struct ProjectionComparison {
    /// A projection's name and digest, and whether the live node has the same.
    typealias Line = (name: String, digest: [UInt8], isEqual: Bool)

    private static let title = "replaying projections"

    /// The copy's data directory and log.
    let copy: (data: String, log: LogReader)
    /// The live node's data directory and log; nil: there is none to compare with.
    let live: (data: String, log: LogReader)?
    let through: UInt64
    /// Called with words and how far it is, out of how much.
    var progress: @Sendable (_ title: String, _ done: Int, _ total: Int) -> Void

    /// Replays and compares.
    ///
    /// - Returns: A line for each projection, and what differs, in words.
    func run() throws -> (lines: [Line], findings: [String]) {
        var lines: [Line] = []
        var findings: [String] = []
        for definition in MailProjections.all.all {
            let kept = try live.map { try definition.state(self.request($0.data, $0.log)) }
            var request = self.request(copy.data, copy.log)
            request.source = .log
            request.refused = kept?.refused
            let state: AsOfState
            do {
                state = try definition.state(request)
            } catch let refusal as RefusedEvent {
                findings.append("projection \(definition.name): \(refusal)")
                continue
            }
            let isEqual = kept.map { $0.digest == state.digest && $0.sequence == state.sequence }
            lines.append((definition.name, state.digest, isEqual ?? true))
            if let kept, isEqual == false {
                findings.append(
                    "projection \(definition.name): the live node has the digest \(hex(kept.digest))"
                        + " at sequence \(kept.sequence), the copy gives \(hex(state.digest)) at"
                        + " \(state.sequence)")
            }
        }
        return (lines, findings)
    }

    private func request(_ data: String, _ log: LogReader) -> AsOfRequest {
        var request = AsOfRequest(
            directory: DataDirectory.projections(data), log: log, through: through,
            splitter: MailProjections.all.splitter)
        request.progress = { [progress] in
            progress(Self.title, Int($0.sequence - $0.from), Int($0.through - $0.from + 1))
        }
        return request
    }
}
