import ArgumentParser
import Delivery
import EventLog
import MailEvents
import MailModel
import MailProjections

/// `waybill trace`: everything that happened to a message or a recipient.
struct Trace: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show everything that happened to a message, or to a recipient's mail.",
        discussion: """
            Examples:
              waybill trace 1-3k9 --data /var/lib/waybill
              waybill trace ben@example.net --data /var/lib/waybill --json
              waybill trace 1-3k9 --at 2026-11-20T08:00
            Found by the index that the server keeps; without one the whole log is read.
            Exit code 1: the log has no such message or recipient.
            """)

    @Argument(help: "A message id such as 1-3k9, or a recipient mailbox.")
    var subject: String

    @OptionGroup var options: DataOptions

    @Option(help: "For a mailbox: the newest so many messages; more are said to be there.")
    var limit = 100

    @Option(help: "As it was after this sequence, or at this time.")
    var at: LogPoint?

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit is at least 1") }
    }

    func run() throws {
        let log = try options.openLog()
        var events: [RecordedEvent] = []
        try reading {
            let through = try at?.sequence(in: log) ?? .max
            if let id = MessageID(subject) {
                events =
                    try searching(log, options) { try $0.trace(id, through: through) }?.events ?? []
            } else if let argument = MailboxArgument(argument: subject) {
                events = try self.events(for: argument.mailbox, through: through, log)
            } else {
                throw ValidationError(
                    "\"\(subject)\" is neither a message id such as 1-3k9 nor a mailbox")
            }
        }
        guard !events.isEmpty else {
            complain("waybill: the log has no event of \(subject)")
            throw Exit.found
        }
        if options.json {
            var output = EventOutput(json: true)
            for event in events { output.write(event) }
            output.flush()
        } else {
            var table = Table(EventLine.titles)
            for event in events { table.add(EventLine.cells(event)) }
            table.printLines()
        }
    }

    /// Of each message its `received` and the events of that recipient, oldest first.
    private func events(
        for mailbox: Mailbox, through: UInt64, _ log: LogReader
    ) throws -> [RecordedEvent] {
        var filter = MessageFilter()
        filter.recipient = mailbox
        // One more tells whether there are more.
        var query = MessageQuery(filter, limit: limit < .max ? limit + 1 : limit)
        query.through = through
        let page = try searching(log, options) { try $0.find(query) }
        if page.messages.count > limit {
            let wider = limit > Int.max / 10 ? Int.max : limit * 10
            complain("waybill: the newest \(limit) messages; more came before: --limit \(wider)")
        } else if page.next != nil {
            complain(
                "waybill: these messages have so many events that others are left out; more may come "
                    + "before: `waybill recipient history \(mailbox)` shows them page by page")
        }
        page.complainWhereCut(first: log.firstSequence)
        return page.messages.prefix(limit).reversed().flatMap { trace in
            trace.events.filter { ($0.event.fact.recipient?.mailbox ?? mailbox) == mailbox }
        }
    }
}

/// `waybill message`: messages themselves.
struct MessageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "message", abstract: "Messages: which there are, and what one holds.",
        subcommands: [MessageList.self, MessageShow.self])
}

/// `waybill message show`: envelope and content as it is sent.
struct MessageShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show a message: its envelope, and the octets a receiver gets.",
        discussion: """
            The content is there until the last recipient is final and its retention is over.
            With --raw only the octets are printed, as they are sent.
            """)

    @Argument(help: "A message id such as 1-3k9.")
    var id: String

    @OptionGroup var options: DataOptions

    @Flag(help: "Only the octets of the message, nothing else.")
    var raw = false

    func run() throws {
        guard let id = MessageID(id) else {
            throw ValidationError("\"\(id)\" is no message id; one looks like 1-3k9")
        }
        let log = try options.openLog()
        try reading {
            let events = try searching(log, options) { try $0.trace(id) }?.events ?? []
            guard let first = events.first, case .received(let received) = first.event.fact else {
                complain("waybill: the log has no message \(id)")
                throw Exit.found
            }
            let recipients = events.compactMap { event in
                if case .queued(let fact) = event.event.fact { fact.recipient } else { nil }
            }
            if raw { return try write(log, id, first, received, recipients) }
            guard let content = try log.content(of: received, at: id.sequence) else {
                throw gone(id)
            }
            let octets =
                Prologue.render(
                    id: id, time: first.event.time, received: received,
                    recipient: recipients.first?.mailbox, content: content) + content
            if options.json {
                show(first, content: octets)
            } else {
                for line in Self.lines(first, received, recipients, octets) { print(line) }
            }
        }
    }

    /// Piece by piece, so that it takes no memory to speak of.
    private func write(
        _ log: LogReader, _ id: MessageID, _ first: RecordedEvent, _ received: MessageReceived,
        _ recipients: [RecipientReference]
    ) throws {
        guard try log.hasContent(of: received, at: id.sequence) else { throw gone(id) }
        var output = EventOutput(json: false)
        for (number, event) in received.contentEvents(at: id.sequence).enumerated() {
            guard let octets = try log.content(of: event) else { throw gone(id) }
            if number == 0 {
                output.write(
                    raw: Prologue.render(
                        id: id, time: first.event.time, received: received,
                        recipient: recipients.first?.mailbox, content: octets))
            }
            output.write(raw: octets)
            output.flush()
        }
    }

    private func gone(_ id: MessageID) -> ExitCode {
        complain("waybill: the content of \(id) is no longer kept; its events are")
        return Exit.found
    }

    private func show(_ event: RecordedEvent, content: [UInt8]) {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("event")
        event.writeJSON(to: &writer)
        writer.string(String(decoding: content, as: UTF8.self), "content")
        writer.endObject()
        print(writer.text)
    }

    /// Envelope and content for people; neither can drive the terminal.
    static func lines(
        _ event: RecordedEvent, _ received: MessageReceived, _ recipients: [RecipientReference],
        _ octets: [UInt8]
    ) -> [String] {
        var lines = [
            "message       \(event.messageID?.description ?? "")",
            "received      \(EventLine.time(event.event.time))",
            "reverse-path  <\(received.reversePath)>",
        ]
        lines += recipients.map { "recipient     <\($0.mailbox)> in \($0.queue)" }
        lines += [
            "size          \(received.sizeOctets) octets as stored, \(octets.count) as sent",
            "sha-256       \(hex(received.contentSHA256)) of the stored content", "",
        ]
        let text = String(decoding: octets, as: UTF8.self)
        let content = text.replacing("\r\n", with: "\n").split(
            separator: "\n", omittingEmptySubsequences: false)
        lines += content.map { String($0) }
        return lines.map(EventLine.printable)
    }
}
