import ArgumentParser
import EventLog
import MailModel
import MailProjections

/// `waybill message list`: messages by who sent them, to whom, for what, and when.
struct MessageList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List messages by recipient, sender, campaign, tenant, domain, time and state.",
        discussion: """
            The newest first. Found by the index that the server keeps of the last 400 days; the state
            is read from the log, so --state alone looks at many messages.
            Examples:
              waybill message list --campaign spring --state bounced --since 24h
              waybill message list --recipient ben@example.net --format csv
              waybill message list --sender '<>' --limit 10 --at 2026-11-20T08:00
            Exit code 1: nothing matches.
            """)

    @OptionGroup var data: DataOptions
    @OptionGroup var page: MessagePageOptions
    @Option(help: "Only messages for this mailbox.") var recipient: MailboxArgument?
    @Option(help: "Only messages from this reverse-path; '<>' is the null one.")
    var sender: String?
    @Option(help: "Only this campaign's; '' for messages without one.") var campaign: String?
    @Option(help: "Only this client's; '' for messages without one.") var tenant: String?
    @Option(help: "Only messages with a recipient at this domain.") var domain: String?
    @Option(help: "Only messages with a recipient in this state.")
    var state: RecipientStanding.State?
    @Option(help: "Only messages accepted since: 24h, 7d, 2026-11-21T09:00 (UTC).")
    var since: TimeArgument?
    @Option(help: "Only messages accepted before; as --since.") var until: TimeArgument?

    func run() throws {
        let filter = try filter()
        let log = try data.openLog()
        try reading {
            let query = try page.query(filter, in: log)
            let found = try searching(log, data) { try $0.find(query) }
            guard !found.messages.isEmpty || found.next != nil else {
                complain("waybill: no message matches")
                throw Exit.found
            }
            page.show(
                MessageListing.messages(found.messages), found, first: log.firstSequence,
                json: data.json)
        }
    }

    private func filter() throws -> MessageFilter {
        var filter = MessageFilter()
        filter.recipient = recipient?.mailbox
        if let sender {
            let path =
                sender.hasPrefix("<") && sender.hasSuffix(">") && sender.count >= 2
                ? String(sender.dropFirst().dropLast()) : sender
            guard path.isEmpty || MailboxArgument(argument: path) != nil else {
                throw ValidationError("--sender \(sender): expected a mailbox, or '<>'")
            }
            filter.sender =
                MailboxArgument(argument: path).map { .mailbox($0.mailbox) } ?? .null
        }
        filter.campaign = campaign
        filter.tenant = tenant
        filter.domain = domain?.asciiLowercased()
        filter.state = state
        let now = SystemClock.now()
        filter.since = since?.time(now: now)
        filter.until = until?.time(now: now)
        try filter.checkSpan()
        return filter
    }
}

extension MessageFilter {
    /// Refuses a span that ends before it begins.
    func checkSpan() throws {
        guard let since, let until, since >= until else { return }
        throw ValidationError("--since must be before --until")
    }
}

extension RecipientStanding.State: ExpressibleByArgument {}
