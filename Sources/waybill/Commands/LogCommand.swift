import ArgumentParser
import EventLog
import MailEvents
import MailModel

/// `waybill log`: the log itself.
struct LogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "The event log itself: what it holds, its events, its proof.",
        subcommands: [
            LogInfoCommand.self, LogStats.self, LogCat.self, LogTail.self, LogVerify.self,
            LogSeal.self, LogCompact.self, LogPrune.self, LogRepairCommand.self, LogExport.self,
            LogImport.self,
        ])
}

/// Which events a listing shows.
struct EventFilter: ParsableArguments {
    @Option(help: "Only these event types, for example deferred; repeatable.")
    var type: [String] = []

    @Option(help: "Only events of this message id.")
    var message: String?

    @Option(help: "Only events of this recipient mailbox.")
    var recipient: String?

    @Option(help: "Only events of this tenant.")
    var tenant: String?

    @Option(help: "Only events of this campaign.")
    var campaign: String?

    func validate() throws {
        if let message, MessageID(message) == nil {
            throw ValidationError("\"\(message)\" is no message id; one looks like 1-3k9")
        }
        if let unknown = type.first(where: { !Self.typeNames.contains($0) }) {
            throw ValidationError(
                "no event type \"\(unknown)\"; types are "
                    + Self.typeNames.sorted().joined(separator: ", "))
        }
    }

    private static let typeNames = Set(EventType.allCases.map(\.name) + ["unknown"])

    /// Whether the event passes every filter that was given.
    func matches(_ recorded: RecordedEvent) -> Bool {
        if !type.isEmpty, !type.contains(recorded.event.fact.typeName) { return false }
        if let message, recorded.messageID != MessageID(message) { return false }
        let reference = recorded.event.fact.recipient
        if let recipient, reference?.mailbox.description.lowercased() != recipient.lowercased() {
            return false
        }
        if let tenant, recorded.event.fact.tenant != tenant { return false }
        if let campaign, recorded.event.fact.campaign != campaign { return false }
        return true
    }
}

extension Fact {
    /// Tenant of the message, or the one that an order or a suppression names; empty if none.
    var tenant: String {
        switch self {
        case .received(let fact): fact.tenant
        case .suppressed(let fact): fact.address.tenant
        case .unsuppressed(let fact): fact.address.tenant
        default: order?.selector.tenant ?? recipient?.tenant ?? ""
        }
    }

    /// Campaign of the message, or the one that an order names; empty if none.
    var campaign: String {
        if case .received(let fact) = self { return fact.campaign }
        return order?.selector.campaign ?? recipient?.campaign ?? ""
    }

    private var order: ControlOrder? {
        switch self {
        case .suspended(let fact): fact.order
        case .resumed(let order), .rebound(let order), .cancelled(let order): order
        default: nil
        }
    }
}

/// `waybill log cat`: events from a range, in order.
struct LogCat: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cat", abstract: "Print events, in order.",
        discussion: """
            Examples:
              waybill log cat --data /var/lib/waybill --from 1000 --limit 50
              waybill log cat --data /var/lib/waybill --type bounced --json
            """)

    @OptionGroup var options: DataOptions
    @OptionGroup var filter: EventFilter

    @Option(help: "First sequence; without it the first one that is kept.")
    var from: UInt64?

    @Option(help: "Last sequence.")
    var to: UInt64 = .max

    @Option(help: "Stop after this many events.")
    var limit: Int = .max

    func run() throws {
        let log = try options.openLog()
        var left = limit
        var output = EventOutput(json: options.json)
        try reading {
            try log.forEachEvent(from: from ?? log.firstSequence, through: to) { event in
                guard left > 0 else { return false }
                guard filter.matches(event) else { return true }
                output.write(event)
                left -= 1
                return left > 0
            }
        }
        output.flush()
    }
}

/// `waybill log tail`: the last events, then new ones as they become durable.
struct LogTail: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail", abstract: "Print the last events and follow the log.",
        discussion: "Works beside a running server; ends with Ctrl-C or --no-follow.")

    @OptionGroup var options: DataOptions
    @OptionGroup var filter: EventFilter

    @Option(name: [.customShort("n"), .long], help: "How many of the last events to begin with.")
    var lines: UInt64 = 10

    @Option(help: "Begin at this sequence instead.")
    var from: UInt64?

    @Flag(inversion: .prefixedNo, help: "Wait for new events.")
    var follow = true

    func run() throws {
        let log = try options.openLog()
        var output = EventOutput(json: options.json)
        try reading {
            let last = try log.lastSequence()
            var next = from ?? max(log.firstSequence, last >= lines ? last - lines + 1 : 1)
            while true {
                try log.forEachEvent(from: next, through: .max) { event in
                    next = event.sequence + 1
                    if filter.matches(event) { output.write(event) }
                    return true
                }
                output.flush()
                guard follow else { return }
                while try !log.waitForBatch(after: next - 1, timeoutMilliseconds: 1000) {}
            }
        }
    }
}

/// Runs `body`; an error of the log becomes a line and an exit code.
func reading(_ body: () throws -> Void) throws {
    do {
        try body()
    } catch let error as EventLogError {
        complain("waybill: \(error)")
        throw error.code == .damaged ? Exit.found : Exit.unavailable
    } catch let error as BatchDecodingError {
        complain("waybill: a batch cannot be decoded: \(error). Run `waybill log verify`.")
        throw Exit.found
    }
}

extension LogReader {
    /// Calls `body` for every event of the range, in order, until it returns false.
    func forEachEvent(
        from: UInt64, through: UInt64, _ body: (RecordedEvent) throws -> Bool
    ) throws {
        try forEachBatch(from: from, through: through) { batch in
            let events = try batch.events()
            for event in events where event.sequence >= from {
                if event.sequence > through { return false }
                if try !body(event) { return false }
            }
            return true
        }
    }
}
