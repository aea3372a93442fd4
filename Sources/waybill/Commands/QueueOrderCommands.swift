import ArgumentParser
import MailEvents
import MailModel
import MailProjections

/// `waybill queue suspend`.
struct QueueSuspend: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "suspend", abstract: "Attempt nothing for what matches, now and later.",
        discussion: """
            It holds for what arrives too, and across restarts, until it is resumed or over.
            Examples:
              waybill queue suspend --domain example.net --for 2h --reason "greylisted"
              waybill queue suspend --tenant acme --campaign spring --dry-run
            """)

    @OptionGroup var order: OrderOptions
    @OptionGroup var end: EndOptions

    func run() async throws {
        try await order.give("suspend", past: "suspended", already: "suspended already") {
            end.write("until", to: &$0)
        }
    }
}

/// `waybill queue resume`.
struct QueueResume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "End the suspension of exactly this scope.",
        discussion: "`waybill queue suspensions` shows those there are. What waited goes at once.")

    @OptionGroup var order: OrderOptions

    func run() async throws {
        try await order.give("resume", past: "resumed", already: "not suspended under this scope")
    }
}

/// `waybill queue requeue`.
struct QueueRequeue: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "requeue", abstract: "Make what matches and waits due at once.",
        discussion: "A suspension holds it all the same.")

    @OptionGroup var order: OrderOptions

    func run() async throws {
        try await order.give("requeue", past: "due at once", already: "nothing waits")
    }
}

/// `waybill queue cancel`.
struct QueueCancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Give up what matches and waits.",
        discussion: """
            Each recipient is bounced, said by administrator; no notification is sent. What a next hop
            has been given already cannot be called back.
            Examples:
              waybill queue cancel --campaign spring --dry-run
              waybill queue cancel --message 1-3k9 --reason "wrong price"
            """)

    @OptionGroup var order: OrderOptions

    func run() async throws {
        try await order.give("cancel", past: "cancelled", already: "nothing waits")
    }
}

/// `waybill queue suspensions`.
struct QueueSuspensions: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "suspensions", abstract: "What is suspended, by whom, why, and until when.")

    @OptionGroup var options: StateOptions
    @OptionGroup var page: PageOptions

    func run() throws {
        let (queue, now) = try options.load(Queue.self)
        var listing = Listing([
            .init("SINCE", "since"), .init("SCOPE", "scope"), .init("UNTIL", "until"),
            .init("BY", "actor"), .init("REASON", "reason"), .init(">EVENT", "sequence"),
        ])
        for suspension in queue.suspensions.all where !suspension.isOver(at: now) {
            listing.add([
                .time(suspension.since), .text(suspension.selector.words),
                .time(suspension.until), .text(suspension.actor), .text(suspension.reason),
                .number(Int(clamping: suspension.sequence)),
            ])
        }
        page.show(listing, options.output, empty: "nothing is suspended")
    }
}

extension RecipientSelector {
    /// `campaign=spring tenant=acme domain=example.org`, or `everything`.
    var words: String {
        let parts = [
            ("message", message?.description ?? ""), ("campaign", campaign), ("tenant", tenant),
            ("domain", domain),
        ].filter { !$0.1.isEmpty }
        return parts.isEmpty
            ? "everything" : parts.map { "\($0.0)=\($0.1)" }.joined(separator: " ")
    }
}
