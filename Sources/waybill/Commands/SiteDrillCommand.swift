import ArgumentParser
import EventLog
import Glibc
import HTTPAPI
import MailEvents
import MailModel
import MailProjections

/// `waybill site drill`: rehearses a promotion on a copy.
struct SiteDrillCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drill",
        abstract: "Rehearse a promotion on a copy: how long, and how much lost.",
        discussion: """
            Takes this site's log over into a scratch directory with every check of a standby, opens
            the next epoch there, loads the queue from nothing, replays all projections and compares
            them with the live ones. The site goes on as it is; nothing is sent, and the copy is removed.
            Run it every week at each standby: the result stands in waybill site status and in the
            metrics. Drills of whole disasters, with two sites and load: replay/drills.

            Exit code 0: passed. 1: something is wrong; each finding is one line.
            Examples:
              waybill site drill --data /var/lib/waybill --dry-run
              waybill site drill --data /var/lib/waybill --scratch /var/tmp
            """)

    @OptionGroup var options: DataOptions

    @Option(
        help:
            "Where the copy is made, in a directory of its own; as large as the log. Default: the data directory."
    )
    var scratch: String?

    @Flag(help: "Say what would be done, and do nothing.")
    var dryRun = false

    func run() async throws {
        let data = try options.directory()
        let place = SiteDrill.place.path(in: scratch ?? data)
        if dryRun { return try plan(place) }
        do {
            try SiteDrill.place.removeLeftovers(in: scratch ?? data)
        } catch {
            complain("waybill: the copy of an earlier drill stays: \(error)")
        }
        let bars = StageBars()
        var drill = SiteDrill(data: data, scratch: place)
        drill.progress = { bars.show($0, $1, $2) }
        let rehearsal = drill
        let report: SiteDrill.Report
        do {
            report = try await OwnThread.result(name: "waybill-drill") { try rehearsal.run() }.get()
        } catch {
            bars.finish()
            complain("waybill: the drill could not be finished: \(error)")
            throw Exit.unavailable
        }
        bars.finish()
        try note(report, data)
        let site = await SiteCall.reportIfThere(options)
        if options.json { print(text(report, site)) } else { show(report, site) }
        guard report.isWell else { throw Exit.found }
    }

    private func plan(_ place: String) throws {
        let log = try options.openLog()
        let octets: UInt64
        do {
            octets = try SiteDrill.octets(of: log)
        } catch {
            complain("waybill: \(error)")
            throw Exit.found
        }
        print("would:")
        print("  - take over \(Human.size(Int(octets))) of log into \(place), and check all of it")
        print("  - open the next epoch there, load the queue, replay and compare all projections")
        print("  - remove \(place), and note the result")
    }

    private func note(_ report: SiteDrill.Report, _ data: String) throws {
        let record = SiteReport.Drill(
            time: SystemClock.now().microseconds, isWell: report.isWell,
            sequence: report.position.sequence, recoveryMilliseconds: report.openMilliseconds,
            finding: report.findings.first ?? "")
        do {
            try DrillRecord.note(record, data: data)
        } catch {
            complain("waybill: the result cannot be noted: \(error)")
        }
    }

    /// What would be lost were the primary gone now, as far as this site's server knows.
    private func exposure(_ site: JSONValue?) -> String? {
        guard let site else { return nil }
        if site["role"].text == "primary" {
            let lags = site["standbys"].elements.map { $0["lag_events"].number }
            guard let least = lags.min() else { return "no standby follows" }
            return "\(least) event(s) are at no standby yet"
        }
        let primary = site["primary"]
        guard primary != .null else { return nil }
        let lag = primary["lag_seconds"]
        return "\(primary["lag_events"].text) event(s)"
            + (lag == .null ? "" : ", \(lag.text) s") + " behind the primary"
            + (primary["connected"].isTrue ? "" : ", which is not connected")
    }

    private func show(_ report: SiteDrill.Report, _ site: JSONValue?) {
        for finding in report.findings { print("FOUND: \(finding)") }
        print(
            "taken over  \(report.position.sequence) events, \(Human.size(Int(report.octets))), "
                + "checked, in \(Human.duration(milliseconds: report.copyMilliseconds))")
        print(
            "opened      epoch \(report.epoch), \(report.queue.recipients) recipient(s) of "
                + "\(report.queue.messages) message(s) waiting")
        for (name, isEqual) in report.projections {
            print("projection  \(name): " + (isEqual ? "equal to the live one" : "DIFFERS"))
        }
        if let exposure = exposure(site) { print("at stake    \(exposure)") }
        print(
            "recovery    \(Human.duration(milliseconds: report.openMilliseconds)) from opening the log "
                + "until delivery could begin, nothing folded beforehand")
        print(
            "the drill \(report.isWell ? "passed" : "FAILED") in "
                + Human.duration(milliseconds: report.milliseconds))
    }

    private func text(_ report: SiteDrill.Report, _ site: JSONValue?) -> String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.bool(report.isWell, "passed")
        writer.number(report.position.sequence, "sequence")
        writer.hex(report.position.chainHash, "chain_hash")
        writer.number(report.epoch, "epoch")
        writer.number(report.octets, "octets")
        writer.number(report.copyMilliseconds, "copy_milliseconds")
        writer.number(report.openMilliseconds, "recovery_milliseconds")
        writer.number(report.milliseconds, "milliseconds")
        writer.number(report.queue.messages, "waiting_messages")
        writer.number(report.queue.recipients, "waiting_recipients")
        if let exposure = exposure(site) { writer.string(exposure, "at_stake") }
        writer.beginArray("projections")
        for (name, isEqual) in report.projections {
            writer.beginObject()
            writer.string(name, "name")
            writer.bool(isEqual, "equal")
            writer.endObject()
        }
        writer.endArray()
        writer.beginArray("findings")
        for finding in report.findings { writer.string(finding) }
        writer.endArray()
        writer.endObject()
        return writer.text
    }
}
