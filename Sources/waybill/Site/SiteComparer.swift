import EventLog
import HTTPAPI
import Replication

/// Asks every other site where its log ends, and looks whether this log has the same history there.
///
/// The other log's last chain hash stands for all of its history: when the batch that ends at the same
/// sequence here has the same hash, everything before is the same, octet for octet.
struct SiteComparer {
    /// Milliseconds to wait until this log has got to where the other one ends.
    private static let catchUpMilliseconds: UInt64 = 5_000

    let addresses: [SiteAddress]
    let reader: LogReader
    let dialer: LinkDialer
    let standing: SiteStanding

    /// Compares with all of them, one after the other. Blocks.
    func run() -> [SiteComparison] { addresses.map(compare) }

    private func compare(_ address: SiteAddress) -> SiteComparison {
        let answer: PeerAnswer
        do throws(ReplicationError) {
            answer = try dialer.ask(address, standing)
        } catch {
            return SiteComparison(
                address: "\(address)", verdict: .unreachable, detail: error.description)
        }
        var comparison = SiteComparison(address: "\(address)", verdict: .refused, detail: "")
        comparison.site = answer.site
        comparison.isPrimary = answer.isPrimary
        comparison.epoch = answer.knownEpoch
        if let refusal = answer.refusal {
            comparison.detail = refusal
            return comparison
        }
        guard let end = answer.position else {
            comparison.detail = "it did not say where its log ends"
            return comparison
        }
        comparison.sequence = end.sequence
        do throws(EventLogError) {
            (comparison.verdict, comparison.detail) = try judge(end)
        } catch {
            comparison.detail = "this log cannot be read: \(error)"
        }
        return comparison
    }

    private func judge(
        _ end: Position
    ) throws(EventLogError) -> (SiteComparison.Verdict, String) {
        guard end.sequence > 0 else { return (.same, "its log has no event yet") }
        guard let last = try lastSequence(reaching: end.sequence) else {
            return (.ahead, "this log has not got there; verify at that site")
        }
        guard end.sequence + 1 >= reader.firstSequence else {
            return (.ahead, "this log was pruned, and begins at \(reader.firstSequence)")
        }
        guard let there = try reader.end(ofBatchAt: end.sequence),
            there.sequence == end.sequence, there.chainHash == end.chainHash
        else {
            return (
                .parted,
                "its history is not this one's; the site that is no primary has to rejoin: waybill site rejoin"
            )
        }
        let behind = last - end.sequence
        return (
            .same,
            "same history through \(end.sequence)"
                + (behind == 0 ? "" : ", \(behind) event(s) behind")
        )
    }

    /// Where this log ends once it has a sequence; nil when it does not get there in the time.
    private func lastSequence(reaching sequence: UInt64) throws(EventLogError) -> UInt64? {
        let end = SystemClock.monotonicMilliseconds() + Self.catchUpMilliseconds
        while true {
            let last = try reader.lastSequence()
            if last >= sequence { return last }
            guard SystemClock.monotonicMilliseconds() < end else { return nil }
            _ = try reader.waitForBatch(after: last, timeoutMilliseconds: 100)
        }
    }
}
