import ArgumentParser
import EventLog
import MailEvents
import MailModel
import MailProjections

/// `waybill recipient`: what one mailbox was sent.
struct RecipientCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recipient", abstract: "What one mailbox was sent.",
        subcommands: [RecipientHistory.self])
}

/// `waybill recipient history`.
struct RecipientHistory: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "List the messages for a mailbox and their outcomes.",
        discussion: """
            One row a message, oldest first; `waybill trace` shows every event. Reads the whole log.
            Examples:
              waybill recipient history ben@example.net
              waybill recipient history ben@example.net --since 7d --campaign spring --json
            Exit code 1: the log has nothing for that mailbox.
            """)

    @Argument(help: "The mailbox.") var mailbox: String
    @OptionGroup var data: DataOptions
    @OptionGroup var page: PageOptions
    @Option(help: "table, json, ndjson or csv. Default: table, with --json ndjson.")
    var format: OutputFormat?
    @Option(help: "Only messages accepted since: 24h, 7d, 2026-11-21T09:00 (UTC).")
    var since: TimeArgument?
    @Option(help: "Only messages accepted before; as --since.") var until: TimeArgument?
    @Option(help: "Only this client's.") var tenant: String?
    @Option(help: "Only this campaign's.") var campaign: String?

    func run() throws {
        guard let at = mailbox.lastIndex(of: "@"), at != mailbox.startIndex else {
            throw ValidationError("\"\(mailbox)\" is no mailbox; one looks like ben@example.net")
        }
        let wanted = Mailbox(
            localPart: String(mailbox[..<at]),
            domain: String(mailbox[mailbox.index(after: at)...]))
        let log = try data.openLog()
        var traces: [MessageTrace] = []
        try reading {
            let bar = Progress(title: "searching", total: Int(try log.lastSequence()))
            defer { bar.finish() }
            traces = try MessageTrace.search(for: wanted, in: log, newest: 10_000) {
                bar.show(Int($0))
            }
        }
        guard !traces.isEmpty else {
            complain("waybill: the log has nothing for \(mailbox)")
            throw Exit.found
        }
        let now = SystemClock.now()
        let (from, to) = (since?.time(now: now), until?.time(now: now))
        var listing = Listing([
            .init("RECEIVED", "received"), .init("MESSAGE", "message_id"),
            .init("TENANT", "tenant"), .init("CAMPAIGN", "campaign"), .init("STATE", "state"),
            .init(">ATTEMPTS", "attempts"), .init(">TOOK", "took_ms"), .init("LAST REPLY", "reply"),
        ])
        for trace in traces {
            guard let first = trace.events.first,
                case .received(let received) = first.event.fact,
                from.map({ first.event.time >= $0 }) ?? true,
                to.map({ first.event.time < $0 }) ?? true,
                (tenant ?? received.tenant) == received.tenant,
                (campaign ?? received.campaign) == received.campaign
            else { continue }
            listing.add(Self.row(trace, first, received))
        }
        page.show(
            listing, format ?? (data.json ? .ndjson : .table), empty: "no message then")
    }

    private static func row(
        _ trace: MessageTrace, _ first: RecordedEvent, _ received: MessageReceived
    ) -> [Cell] {
        var state = "waiting"
        var attempts = 0
        var took: Int64?
        var reply = ""
        for event in trace.events.dropFirst() {
            let attempt: Attempt
            switch event.event.fact {
            case .deferred(let fact): (state, attempt) = ("deferred", fact.attempt)
            case .delivered(let fact): (state, attempt) = ("delivered", fact.attempt)
            case .bounced(let fact): (state, attempt) = ("bounced", fact.attempt)
            case .expired(let fact): (state, attempt) = ("expired", fact.attempt)
            default: continue
            }
            attempts = max(attempts, attempt.number)
            reply = attempt.reply.description
            let passed = event.event.time.microseconds - first.event.time.microseconds
            if state != "deferred" { took = passed / 1000 }
        }
        return [
            .time(first.event.time), .text(trace.message.description), .text(received.tenant),
            .text(received.campaign), .text(state), .number(attempts), .milliseconds(took),
            .text(reply.isEmpty ? "-" : reply),
        ]
    }
}
