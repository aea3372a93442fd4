import ArgumentParser
import EventLog
import HTTPAPI
import MailEvents

/// What all orders for a site have in common.
struct SiteOrderOptions: ParsableArguments {
    /// A field of an order.
    enum Field {
        case text(String)
        case bool(Bool)
    }

    @Flag(help: "Say what would be done, and do nothing.")
    var dryRun = false

    @Option(
        help: ArgumentHelp(
            "Seconds to wait until a change under way is over, and until the site has its new role."
        ))
    var wait = 60

    /// Gives an order to the site's server, and waits until it is carried out.
    ///
    /// - Parameters:
    ///   - verb: Last part of the path.
    ///   - fields: Of the order.
    ///   - options: Whose server.
    ///   - role: The role that it leads to.
    /// - Throws: Exit codes: 1 when it is refused, 75 when it took too long.
    func carryOut(
        _ verb: String, _ fields: KeyValuePairs<StaticString, Field>, _ options: DataOptions,
        until role: String
    ) async throws {
        let began = SystemClock.monotonicMilliseconds()
        var writer = JSONWriter()
        writer.beginObject()
        for (name, field) in fields {
            switch field {
            case .text(let text): writer.string(text, name)
            case .bool(let value): writer.bool(value, name)
            }
        }
        writer.bool(dryRun, "dry_run")
        writer.endObject()
        let answer = try await SiteCall.order(
            "/api/v1/site/\(verb)", writer.text, options, seconds: wait)
        if !options.json { show(answer) }
        guard answer["changed"].isTrue, !dryRun else {
            if options.json { print(answer.json) }
            return
        }
        let epoch = answer["epoch"].number
        let report = try await SiteCall.wait(options, seconds: wait) { report in
            report["role"].text == role && report["epoch"].number >= epoch
                && (role == "primary"
                    ? report["position_epoch"].number >= epoch && report["ready"].isTrue
                    : report["primary"]["connected"].isTrue)
        }
        let milliseconds = SystemClock.monotonicMilliseconds() - began
        if options.json { return print(report.json) }
        SiteText.lines(report).forEach { print($0) }
        print("done in \(Human.duration(milliseconds: Int64(milliseconds)))")
    }

    private func show(_ answer: JSONValue) {
        let steps = answer["steps"].elements.map(\.text)
        guard answer["changed"].isTrue else { return print("nothing to do: \(steps.first ?? "")") }
        print(dryRun ? "would:" : "will:")
        for step in steps { print("  - \(step)") }
    }
}
