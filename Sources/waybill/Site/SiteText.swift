import HTTPAPI
import MailEvents

/// A site's report for people.
enum SiteText {
    /// The lines.
    static func lines(_ report: JSONValue) -> [String] {
        var lines = [
            "site        \(report["site"].text)",
            "role        \(report["role"].text), epoch \(report["epoch"].text)",
            report["log_id"].text.isEmpty
                ? "log ends    there is no log here yet"
                : "log ends    sequence \(report["sequence"].text) of epoch "
                    + "\(report["position_epoch"].text), chain "
                    + "\(report["chain_hash"].text.prefix(16))",
        ]
        if !report["listen"].text.isEmpty {
            lines.append("listens     \(report["listen"].text)")
        }
        if report["note"] != .null { lines.append("note        \(report["note"].text)") }
        if report["primary"] != .null {
            lines += primary(report["primary"], hasLog: !report["log_id"].text.isEmpty)
        }
        if report["lease"] != .null { lines += lease(report["lease"]) }
        let acks = report["acknowledged"]
        if acks["replicated"].number + acks["degraded"].number + acks["refused"].number > 0 {
            lines.append(
                "acks        \(acks["replicated"].text) on standbys, \(acks["degraded"].text) degraded, "
                    + "\(acks["refused"].text) refused")
        }
        let drill = report["drill"]
        if drill != .null {
            lines.append(
                "drill       \(drill["time"].text), "
                    + (drill["passed"].isTrue ? "passed" : "FAILED: \(drill["finding"].text)")
                    + ", ready in \(drill["recovery_seconds"].text) s")
        }
        lines += standbys(report["standbys"].elements)
        return lines
    }

    private static func primary(_ primary: JSONValue, hasLog: Bool) -> [String] {
        let name = primary["site"].text
        var lines = [
            "primary     \(name.isEmpty ? "" : name + " at ")\(primary["address"].text), "
                + (primary["connected"].isTrue ? "connected" : "not connected")
        ]
        if !primary["why"].text.isEmpty { lines.append("why         \(primary["why"].text)") }
        guard hasLog else { return lines + [unreached(primary)] }
        var behind = "behind      \(primary["lag_events"].text) event(s)"
        if primary["lag_seconds"] != .null {
            behind += ", \(primary["lag_seconds"].text) s since the last one"
        }
        lines.append(behind)
        if primary["consistent_as_of"] != .null {
            lines.append("consistent  as of \(primary["consistent_as_of"].text)")
        }
        if primary["fetching_segments"].number > 0 {
            lines.append("fetching    \(primary["fetching_segments"].text) segment(s)")
        }
        if primary["problem"] != .null { lines.append("problem     \(primary["problem"].text)") }
        return lines
    }

    /// Why a standby has no log yet.
    private static func unreached(_ primary: JSONValue) -> String {
        let reason = primary["problem"]
        return "problem     has not reached \(primary["address"].text) yet: "
            + (reason == .null ? "it has not answered so far" : reason.text)
            + ", tries again every \(primary["retry_seconds"].text) s"
    }

    private static func lease(_ lease: JSONValue) -> [String] {
        let holder = lease["holder"].text
        let who =
            lease["held"].isTrue
            ? "held by this site, for another \(lease["seconds_left"].text) s"
            : lease["etcd_answers"].isTrue
                ? (holder.isEmpty ? "held by nobody" : "held by \(holder)")
                : "not known: etcd does not answer"
        var lines = ["lease       \(who)"]
        if lease["epoch"].number > 0 { lines[0] += ", epoch \(lease["epoch"].text)" }
        if lease["problem"] != .null { lines.append("            \(lease["problem"].text)") }
        switch lease["promotion"].text {
        case "automatic": lines.append("promotion   automatic")
        case "refused":
            lines.append(
                "promotion   automatic is refused: \(lease["promotion_problem"].text)")
        default: lines.append("promotion   by an operator")
        }
        return lines
    }

    private static func standbys(_ standbys: [JSONValue]) -> [String] {
        guard !standbys.isEmpty else { return [] }
        var table = Table(["STANDBY", "PEER", "STATE", ">SEQUENCE", ">BEHIND", ">SENT"])
        for standby in standbys {
            table.add([
                standby["site"].text, standby["peer"].text,
                standby["connected"].isTrue
                    ? "connected" : standby["given_up"].isTrue ? "given up" : "gone",
                standby["sequence"].text,
                standby["lag_events"].text, Human.size(standby["sent_octets"].number),
            ])
        }
        return table.lines()
    }
}
