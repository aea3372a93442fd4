import ArgumentParser
import HTTPAPI
import MailEvents
import Synchronization

/// What every order for the queue takes.
struct OrderOptions: ParsableArguments {
    @OptionGroup var data: DataOptions
    @OptionGroup var scope: ScopeOptions
    @Option(help: "Why, in words: it stands in the log.") var reason: String?
    @Flag(help: "Only say what would be hit.") var dryRun = false

    /// Gives an order, and says what it came to; `more` writes further members of it.
    func give(
        _ action: String, past: String, already: String,
        more: (inout JSONWriter) -> Void = { _ in }
    ) async throws {
        var writer = JSONWriter()
        writer.beginObject()
        scope.write(to: &writer)
        if let reason { writer.string(reason, "reason") }
        if dryRun { writer.bool(true, "dry_run") }
        more(&writer)
        writer.endObject()
        let answer = try await ControlPoint.use(data) { point in
            try await send(action, writer.text, point)
        }
        show(answer, past: past, already: already)
    }

    /// Only a cancellation takes long enough for a bar.
    private func send(
        _ action: String, _ json: String, _ point: ControlPoint
    ) async throws -> JSONValue {
        let path = "/api/v1/queue/\(action)"
        guard action == "cancel" else {
            return try await ControlCall.post(path, json, at: point)
        }
        let bar = Mutex<Progress?>(nil)
        defer { bar.withLock { $0 }?.finish() }
        return try await ControlCall.post(
            path, json, at: point, accept: "application/x-ndjson"
        ) { line in
            let step = line["progress"]
            guard step != .null else { return }
            bar.withLock { bar in
                let shown =
                    bar ?? Progress(title: "cancelling", total: step["of"].number)
                bar = shown
                shown.show(step["done"].number)
            }
        }
    }

    private func show(_ answer: JSONValue, past: String, already: String) {
        if data.json { return print(answer.json) }
        let scope = Self.words(answer["scope"])
        let recipients = answer["recipients"].number
        let messages = answer["messages"].number
        let event = answer["sequence"] == .null ? "" : " (event \(answer["sequence"].text))"
        let amount =
            "\(recipients) \(recipients == 1 ? "recipient" : "recipients") of \(messages)"
            + " \(messages == 1 ? "message" : "messages")"
        let held = answer["held"].number
        let isHeld = held > 0 ? ", \(held) of them held by a suspension" : ""
        switch (answer["changed"].isTrue, answer["dry_run"].isTrue) {
        case (true, true): print("would be \(past): \(scope); \(amount)\(isHeld)")
        case (true, false):
            let until = answer["until"].text
            let end = until.isEmpty ? "" : " until \(until.prefix(19))Z"
            print("\(past): \(scope)\(end); \(amount)\(isHeld)\(event)")
        case (false, _): print("\(already): \(scope)\(event)")
        }
    }

    /// `domain example.org, tenant acme`, or `everything`.
    static func words(_ scope: JSONValue) -> String {
        let parts = ["campaign", "tenant", "domain", "message_id"].compactMap { name in
            guard scope[name] != .null else { return String?.none }
            let text = EventLine.printable(scope[name].text)
            return "\(name.replacing("_id", with: "")) \(text)"
        }
        return parts.isEmpty ? "everything" : parts.joined(separator: ", ")
    }
}

extension JSONValue {
    /// The value as JSON on one line.
    var json: String {
        switch self {
        case .null: return "null"
        case .bool(let value): return value ? "true" : "false"
        case .number(let text): return text
        case .string(let text):
            var writer = JSONWriter()
            writer.string(text)
            return writer.text
        case .array(let values): return "[" + values.map(\.json).joined(separator: ",") + "]"
        case .object(let members):
            return "{"
                + members.map { JSONValue.string($0.name).json + ":" + $0.value.json }
                .joined(separator: ",") + "}"
        }
    }
}
