import ArgumentParser
import EventLog
import MailEvents
import MailModel
import MailProjections

/// `waybill queue`: what waits for delivery.
struct QueueCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue", abstract: "What waits for delivery, and orders for it.",
        discussion: """
            Shown exact as of the log's end, beside a running server or a stopped one. Orders go to the
            running server; without one they are written into the log.
            """,
        subcommands: [
            QueueDepth.self, QueueList.self, QueueSummary.self, QueueSuspensions.self,
            QueueSuspend.self, QueueResume.self, QueueRequeue.self, QueueCancel.self,
            QueueHeld.self, QueueDecide.self,
        ])
}

/// `waybill queue depth`: how much.
struct QueueDepth: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "depth", abstract: "How much is queued, and what has happened in all.")

    @OptionGroup var options: DataOptions

    func run() throws {
        let queue = try options.loadQueue()
        let rows: [(name: StaticString, count: Int)] = [
            ("messages", queue.counts.messages), ("recipients", queue.counts.recipients),
            ("deferred", queue.counts.deferred), ("in_doubt", queue.counts.inDoubt),
            ("held_in_doubt", queue.counts.held), ("octets", queue.counts.octets),
            ("total_received", queue.totals.received),
            ("total_queued", queue.totals.queued), ("total_deferrals", queue.totals.deferred),
            ("total_delivered", queue.totals.delivered), ("total_bounced", queue.totals.bounced),
            ("total_expired", queue.totals.expired),
        ]
        if options.json {
            var writer = JSONWriter()
            writer.beginObject()
            writer.number(queue.lastSequence, "sequence")
            for row in rows { writer.number(row.count, row.name) }
            writer.endObject()
            print(writer.text)
        } else {
            var table = Table(["QUEUE", ">COUNT"])
            for row in rows {
                table.add([row.name.description.replacing("_", with: " "), String(row.count)])
            }
            table.printLines()
        }
    }
}

/// `waybill queue list`: every waiting recipient.
struct QueueList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List waiting recipients, oldest first.",
        discussion: """
            Examples:
              waybill queue list --domain example.net --limit 20
              waybill queue list --campaign spring --json
            """)

    @OptionGroup var options: DataOptions
    @Option(help: "Only this domain.") var domain: String?
    @Option(help: "Only this tenant.") var tenant: String?
    @Option(help: "Only this campaign.") var campaign: String?
    @Flag(help: "Only recipients with a failed attempt.") var deferred = false
    @Option(help: "Stop after this many.") var limit = Int.max

    func run() throws {
        let queue = try options.loadQueue()
        let now = SystemClock.now()
        var table = Table([
            "MESSAGE", "RECIPIENT", "QUEUE", ">AGE", ">ATTEMPTS", ">DUE IN", "LAST REPLY",
        ])
        var left = limit
        var buffer = EventOutput(json: true)
        queue.forEachMessage { message in
            guard left > 0, tenant.map({ $0 == message.tenant }) ?? true,
                campaign.map({ $0 == message.campaign }) ?? true
            else { return }
            for recipient in message.recipients where left > 0 {
                guard domain.map({ $0.asciiLowercased() == recipient.mailbox.domain }) ?? true,
                    !deferred || recipient.attempts > 0
                else { continue }
                left -= 1
                if options.json {
                    buffer.write(raw: Array((json(message, recipient) + "\n").utf8))
                } else {
                    table.add(cells(message, recipient, now: now))
                }
            }
        }
        buffer.flush()
        guard !options.json else { return }
        if table.isEmpty { print("nothing waits") } else { table.printLines() }
    }

    private func cells(
        _ message: QueuedMessage, _ recipient: QueuedRecipient, now: EventTime
    ) -> [String] {
        let queue = QueueName(
            campaign: message.campaign, tenant: message.tenant, domain: recipient.mailbox.domain)
        func seconds(_ from: EventTime, _ to: EventTime) -> Int64 {
            (to.microseconds - from.microseconds) / 1_000_000
        }
        return [
            message.id.description, recipient.mailbox.description, queue.description,
            Human.age(seconds: seconds(message.receivedAt, now)), String(recipient.attempts),
            Human.age(seconds: seconds(now, recipient.due)),
            recipient.lastDeferral?.attempt.reply.description ?? "",
        ]
    }

    private func json(_ message: QueuedMessage, _ recipient: QueuedRecipient) -> String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.string(message.id.description, "message_id")
        writer.string(recipient.mailbox.description, "recipient")
        writer.string(message.tenant, "tenant")
        writer.string(message.campaign, "campaign")
        writer.string(message.reversePath.description, "reverse_path")
        writer.time(message.receivedAt, "received")
        writer.number(message.sizeOctets, "size")
        writer.number(recipient.attempts, "attempts")
        writer.time(recipient.due, "due")
        writer.bool(recipient.inDoubt, "in_doubt")
        if let reply = recipient.lastDeferral?.attempt.reply {
            writer.string(reply.description, "last_reply")
        }
        writer.endObject()
        return writer.text
    }
}

/// `waybill queue summary`: by queue, and by age and domain as qshape shows it.
struct QueueSummary: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "summary",
        abstract: "Waiting recipients by age and domain, as qshape shows them.",
        discussion: "Columns are minutes since acceptance: 5 means younger than 5 minutes.")

    /// What the rows are.
    enum Grouping: String, CaseIterable, ExpressibleByArgument {
        case domain, tenant, campaign, queue
    }

    @OptionGroup var options: DataOptions
    @Option(help: "domain, tenant, campaign or queue.") var by = Grouping.domain
    @Option(help: "Rows shown; the rest is summed up.") var limit = 20

    private static let minutes: [Int64] = [5, 10, 20, 40, 80, 160, 320, 640, 1280]

    func run() throws {
        let queue = try options.loadQueue()
        let now = SystemClock.now()
        var rows: [String: [Int]] = [:]
        // Behind the ages, those that are held because they are in doubt.
        let held = Self.minutes.count + 2
        var total = [Int](repeating: 0, count: held + 1)
        queue.forEachWaiting { waiting in
            let age = (now.microseconds - waiting.receivedAt.microseconds) / 60_000_000
            let column = (Self.minutes.firstIndex { age < $0 } ?? Self.minutes.count) + 1
            let isHeld =
                queue.attempts.attempt(for: waiting.message, waiting.number)?.isHeld ?? false
            for index in [0, column] + (isHeld ? [held] : []) {
                rows[name(waiting), default: [Int](repeating: 0, count: total.count)][index] += 1
                total[index] += 1
            }
        }
        let sorted = rows.sorted { ($0.value[0], $1.key) > ($1.value[0], $0.key) }
        if options.json {
            for (name, counts) in sorted { print(json(name, counts)) }
        } else {
            show(sorted, total)
            if let since = queue.attempts.heldSince {
                let age = Human.age(seconds: (now.microseconds - since.microseconds) / 1_000_000)
                print(
                    "\(queue.counts.held) held in doubt, the first for \(age): waybill queue held"
                        + " lists them")
            }
        }
    }

    private func name(_ waiting: WaitingRecipient) -> String {
        switch by {
        case .domain: waiting.queue.domain
        case .tenant: waiting.queue.tenant
        case .campaign: waiting.queue.campaign
        case .queue: waiting.queue.description
        }
    }

    private func show(_ rows: [(key: String, value: [Int])], _ total: [Int]) {
        let ages = Self.minutes.map { ">\($0)" } + [">1280+", ">IN DOUBT"]
        var table = Table([by.rawValue.uppercased(), ">TOTAL"] + ages)
        table.add(["TOTAL"] + total.map(String.init))
        for row in rows.prefix(limit) {
            table.add([row.key.isEmpty ? "(none)" : row.key] + row.value.map(String.init))
        }
        table.printLines()
        if rows.count > limit { print("and \(rows.count - limit) more; --limit shows them") }
    }

    private func json(_ name: String, _ counts: [Int]) -> String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key(by.rawValue)
        writer.string(name)
        writer.number(counts[0], "recipients")
        writer.number(counts.last ?? 0, "held_in_doubt")
        writer.beginArray("by_age")
        for (index, count) in counts.dropFirst().dropLast().enumerated() {
            writer.beginObject()
            if index < Self.minutes.count {
                writer.number(Self.minutes[index], "younger_than_minutes")
            }
            writer.number(count, "recipients")
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.text
    }
}
