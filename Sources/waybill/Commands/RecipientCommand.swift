import ArgumentParser
import EventLog
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
            One row a message, the newest first; `waybill trace` shows every event. Found by the index
            that the server keeps of the last 400 days.
            Examples:
              waybill recipient history ben@example.net
              waybill recipient history ben@example.net --since 7d --campaign spring --json
            Exit code 1: the log has nothing for that mailbox.
            """)

    @Argument(help: "The mailbox.") var mailbox: MailboxArgument
    @OptionGroup var data: DataOptions
    @OptionGroup var page: MessagePageOptions
    @Option(help: "Only messages accepted since: 24h, 7d, 2026-11-21T09:00 (UTC).")
    var since: TimeArgument?
    @Option(help: "Only messages accepted before; as --since.") var until: TimeArgument?
    @Option(help: "Only this client's.") var tenant: String?
    @Option(help: "Only this campaign's.") var campaign: String?

    func run() throws {
        let now = SystemClock.now()
        var filter = MessageFilter()
        filter.recipient = mailbox.mailbox
        filter.tenant = tenant
        filter.campaign = campaign
        filter.since = since?.time(now: now)
        filter.until = until?.time(now: now)
        try filter.checkSpan()
        let log = try data.openLog()
        try reading {
            let query = try page.query(filter, in: log)
            let found = try searching(log, data) { try $0.find(query) }
            guard !found.messages.isEmpty || found.next != nil else {
                complain("waybill: the log has nothing for \(mailbox.mailbox)")
                throw Exit.found
            }
            page.show(
                MessageListing.messages(found.messages, for: mailbox.mailbox), found,
                first: log.firstSequence,
                json: data.json)
        }
    }
}
