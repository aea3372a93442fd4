import ArgumentParser
import EventLog
import HTTPAPI
import MailEvents

/// `waybill site verify`: this site's log, and whether the others have the same history.
struct SiteVerify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check this site's log, and that the other sites have the same history.",
        discussion: """
            Reads this site's log from end to end (files, checksums, sequences, chain, content), then
            asks every other site where its log ends, and compares its chain hash with this log's at
            the same sequence: the same hash is the same history, octet for octet. Changes nothing.
            The archive is verified by waybill backup verify.

            Exit code 0: whole, and the same everywhere. 1: damage, or a site whose history is another
            one. 75: a site did not answer, or its log goes on where this one has not got to yet.
            Examples:
              waybill site verify --data /var/lib/waybill
              waybill site verify --sites-only --json --data /var/lib/waybill
            """)

    @OptionGroup var options: DataOptions

    @Flag(help: "Do not read this site's log; only compare ends.")
    var sitesOnly = false

    func run() async throws {
        let report = sitesOnly ? nil : try verifyLog()
        let answer = try await SiteCall.get("/api/v1/site/verify", options)
        if options.json {
            print(text(report, answer))
        } else {
            show(report, answer)
        }
        let verdicts = answer["sites"].elements.map { $0["verdict"].text }
        if report?.isIntact == false || verdicts.contains("parted") { throw Exit.found }
        if verdicts.contains(where: { $0 != "same" }) { throw Exit.temporary }
    }

    private func verifyLog() throws -> VerifyReport {
        let log = try options.openLog()
        let bar = Progress(title: "verifying", total: Int((try? log.lastSequence()) ?? 1))
        let report = log.verify(codec: MailEventCodec()) { bar.show(Int($0.sequence)) }
        bar.finish()
        return report
    }

    private func show(_ report: VerifyReport?, _ answer: JSONValue) {
        for damage in report?.damages ?? [] { print("damaged: \(damage)") }
        if let report {
            let name = answer["site"].text
            print(
                report.isIntact
                    ? "\(name): whole, \(report.events) events in \(report.segments) segment(s)"
                    : "\(name): \(report.damageCount) damage(s); waybill log repair, or restore the file"
            )
        }
        let sites = answer["sites"].elements
        guard !sites.isEmpty else { return print("no other site is known") }
        var table = Table(["SITE", "ADDRESS", "ROLE", ">EPOCH", ">ENDS AT", "VERDICT"])
        for site in sites {
            let name = site["site"].text
            let isKnown = !["unreachable", "refused"].contains(site["verdict"].text)
            table.add([
                name.isEmpty ? "-" : name, site["address"].text,
                !isKnown ? "-" : site["primary"].isTrue ? "primary" : "standby",
                isKnown ? site["epoch"].text : "-", isKnown ? site["sequence"].text : "-",
                "\(site["verdict"].text): \(site["detail"].text)",
            ])
        }
        table.lines().forEach { print($0) }
    }

    private func text(_ report: VerifyReport?, _ answer: JSONValue) -> String {
        guard let report else { return answer.json }
        var writer = JSONWriter()
        writer.beginObject()
        writer.bool(report.isIntact, "whole")
        writer.number(report.events, "events")
        writer.number(report.damageCount, "damage_count")
        writer.beginArray("damages")
        for damage in report.damages { writer.string("\(damage)") }
        writer.endArray()
        writer.endObject()
        // Two objects become one: this site's findings beside those on the others.
        return "{\"log\":\(writer.text),\(answer.json.dropFirst())"
    }
}
