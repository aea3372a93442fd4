import ArgumentParser
import HTTPAPI
import MailEvents
import MailModel

/// `waybill feedback`: what came back later about a message.
struct FeedbackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "feedback", abstract: "Record complaints and late bounces.",
        subcommands: [FeedbackComplaint.self, FeedbackBounce.self, FeedbackReportCommand.self])
}

/// What each feedback takes.
struct FeedbackOptions: ParsableArguments {
    @OptionGroup var data: DataOptions
    @Flag(help: "Send nothing more to the address on behalf of the message's tenant.")
    var suppress = false

    /// Sends a request, and says where the feedback stands.
    func give(_ request: LocalRequest) async throws {
        let answer = try await ControlPoint.use(data) { point in
            try await ControlCall.answer(request, at: point)
        }
        if data.json { return print(answer.json) }
        let suppressed = answer["suppressed"].isTrue ? ", and suppressed" : ""
        print(
            "recorded for \(EventLine.printable(answer["recipient"].text)) of message "
                + "\(answer["message_id"].text) (event \(answer["sequence"].text))\(suppressed)")
    }

    /// A request that describes a feedback.
    func request(
        _ kind: String, _ about: AboutOptions, more: (inout JSONWriter) -> Void
    ) -> LocalRequest {
        var writer = JSONWriter()
        writer.beginObject()
        writer.string(kind, "kind")
        writer.string(about.message, "message_id")
        if let recipient = about.recipient { writer.string(recipient, "recipient") }
        if let text = about.text { writer.string(text, "text") }
        if let reporter = about.reporter { writer.string(reporter, "reporter") }
        if suppress { writer.bool(true, "suppress") }
        more(&writer)
        writer.endObject()
        var request = LocalRequest(
            .post, "/api/v1/feedback", body: LocalBody(Array(writer.text.utf8)))
        request.contentType = "application/json"
        return request
    }
}

/// What a feedback is about.
struct AboutOptions: ParsableArguments {
    @Argument(help: "Id of the message, such as 1-3k9.") var message: String
    @Argument(help: "Which recipient; may be left out when there is only one.")
    var recipient: String?
    @Option(help: "What the report says.") var text: String?
    @Option(help: "Who reports.") var reporter: String?
}

/// `waybill feedback complaint`.
struct FeedbackComplaint: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "complaint", abstract: "A recipient complained.")

    @OptionGroup var about: AboutOptions
    @OptionGroup var options: FeedbackOptions
    @Option(help: "abuse, fraud, not-spam, ... (RFC 5965)") var type = "abuse"

    func run() async throws {
        try await options.give(
            options.request("complaint", about) { $0.string(type, "feedback_type") })
    }
}

/// `waybill feedback bounce`.
struct FeedbackBounce: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bounce", abstract: "A delivered message came back.")

    @OptionGroup var about: AboutOptions
    @OptionGroup var options: FeedbackOptions
    @Option(help: "Enhanced status code, such as 5.1.1 (RFC 3463).") var status: String?

    func run() async throws {
        try await options.give(
            options.request("bounce", about) { writer in
                if let status { writer.string(status, "status") }
            })
    }
}

/// `waybill feedback report`.
struct FeedbackReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "A whole report: a feedback report (ARF) or a delivery status notification.",
        discussion: "For a pipe from a mailbox: waybill feedback report - --suppress < report.eml")

    @Argument(help: "The message; - for standard input.") var file: String
    @OptionGroup var options: FeedbackOptions

    func run() async throws {
        var request = LocalRequest(
            .post, "/api/v1/feedback" + (options.suppress ? "?suppress=true" : ""),
            body: try FilePieces.body(of: file))
        request.contentType = "message/rfc822"
        try await options.give(request)
    }
}
