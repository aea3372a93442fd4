import ArgumentParser
import MailEvents
import MailModel
import MailProjections
import Orders
import SMTPProtocol

/// `waybill queue held`.
struct QueueHeld: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "held", abstract: "Mail in doubt: nobody knows whether it was taken.",
        discussion: """
            Of queues with `in_doubt: hold`. `held` waits for a decision (waybill queue decide).
            `announced` is under way; or, when the server that sent it is gone, will be held as soon as one
            runs again. The next hop's log knows whether it took the message.
            Examples:
              waybill queue held --domain example.net
              waybill queue held --json
            """)

    @OptionGroup var options: StateOptions
    @OptionGroup var page: PageOptions
    @Option(help: "Only this campaign.") var campaign: String?
    @Option(help: "Only this tenant.") var tenant: String?
    @Option(help: "Only this domain.") var domain: String?
    @Option(help: "Only this message, by its id.") var message: String?
    @Option(help: "Only this address.") var recipient: String?

    func validate() throws {
        if let message, MessageID(message) == nil {
            throw ValidationError("--message \(message): expected an id such as 1-3k9")
        }
        if let recipient, AddressText.mailbox(recipient) == nil {
            throw ValidationError("--recipient \(recipient): expected an address")
        }
    }

    func run() throws {
        let (queue, now) = try options.load(Queue.self)
        var listing = Listing([
            .init("MESSAGE", "message_id"), .init("RECIPIENT", "recipient"),
            .init("QUEUE", "queue"), .init("STATE", "state"), .init(">ATTEMPT", "attempt"),
            .init("SINCE", "since"), .init(">AGE", "age_ms"), .init("MX", "mx_host"),
            .init("ADDRESS", "mx_address"), .init(">EVENT", "sequence"),
        ])
        let selector = RecipientSelector(
            campaign: campaign ?? "", tenant: tenant ?? "", domain: domain ?? "",
            message: message.flatMap { MessageID($0) })
        var place: OpenAttempts.Key?
        repeat {
            let found = HeldRecipient.next(
                in: queue, matching: selector,
                recipient: recipient.flatMap { AddressText.mailbox($0) }, from: &place, limit: 1000)
            for one in found {
                let since = one.heldSince ?? one.announcedAt
                listing.add([
                    .text(one.reference.message.description),
                    .text(one.reference.mailbox.description),
                    .text(one.reference.queue.description),
                    .text(one.heldSince == nil ? "announced" : "held"), .number(one.attempt),
                    .time(since),
                    .milliseconds((now.microseconds - since.microseconds) / 1000),
                    .text(one.peer?.host ?? ""), .text(one.peer?.address ?? ""),
                    .number(Int(clamping: one.sequence)),
                ])
            }
        } while place != nil
        page.show(listing, options.output, empty: "nothing is in doubt")
    }
}

/// `waybill queue decide`.
struct QueueDecide: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decide", abstract: "Decide about mail in doubt that is held.",
        discussion: """
            retry             sends it again: the recipient may get it twice
            assume-delivered  records it as delivered: the recipient may not have got it
            bounce            gives it up, without a notification
            Only what is held is touched (waybill queue held); what is under way is not.
            Examples:
              waybill queue decide retry --domain example.net --dry-run
              waybill queue decide assume-delivered --message 1-3k9 --reason "in their log"
              waybill queue decide bounce --all --recipient ann@example.org
            """)

    @Argument(help: "retry, assume-delivered or bounce.") var decision: DoubtDecision
    @OptionGroup var order: OrderOptions
    @Option(help: "Only this address, of what the scope names.") var recipient: String?

    func validate() throws {
        if let recipient, AddressText.mailbox(recipient) == nil {
            throw ValidationError("--recipient \(recipient): expected an address")
        }
    }

    func run() async throws {
        let past =
            switch decision {
            case .retry: "to be sent again"
            case .assumeDelivered: "assumed delivered"
            case .bounce: "given up"
            }
        try await order.give("decide", past: past, already: "nothing is held") {
            $0.string(decision.rawValue, "decision")
            if let recipient { $0.string(recipient, "recipient") }
        }
    }
}

extension DoubtDecision: ExpressibleByArgument {}
