import ArgumentParser
import HTTPAPI
import MailEvents
import MailModel
import MailProjections
import Orders
import SMTPProtocol

/// `waybill suppression`: the addresses to which nothing is sent.
struct SuppressionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "suppression", abstract: "Addresses to which nothing is sent.",
        subcommands: [
            SuppressionList.self, SuppressionAdd.self, SuppressionRemove.self,
            SuppressionImportCommand.self, SuppressionExport.self,
        ])
}

/// Which suppressions are shown.
struct SuppressionFilterOptions: ParsableArguments {
    @Option(help: "Of this tenant; with \"\" everybody's.") var tenant: String?
    @Option(help: "Of this domain, the whole of it or mailboxes.") var domain: String?
    @Option(help: "Those that keep mail from this address.") var address: String?

    func validate() throws {
        if let domain, AddressText.domain(domain) == nil {
            throw ValidationError("--domain \(domain): that is not a domain")
        }
        if let address, AddressText.mailbox(address) == nil {
            throw ValidationError("--address \(address): that is not an address")
        }
    }

    /// The filter.
    var filter: OrderDesk.SuppressionFilter {
        var filter = OrderDesk.SuppressionFilter()
        filter.tenant = tenant
        filter.domain = domain.flatMap(AddressText.domain)
        filter.mailbox = address.flatMap(AddressText.mailbox)
        return filter
    }

    /// The columns of what is shown: those that an import takes come first.
    static let columns: [Listing.Column] = [
        .init("ADDRESS", "address"), .init("TENANT", "tenant"), .init("REASON", "reason"),
        .init("EXPIRES", "expires"), .init("SINCE", "since"), .init("BY", "actor"),
        .init(">EVENT", "sequence"),
    ]

    static func cells(_ entry: SuppressionEntry) -> [Cell] {
        [
            .text(entry.address.text), .text(entry.address.tenant), .text(entry.reason),
            .time(entry.expires), .time(entry.since), .text(entry.actor),
            .number(Int(clamping: entry.sequence)),
        ]
    }
}

/// `waybill suppression list`.
struct SuppressionList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List suppressed addresses, in the order of their events.",
        discussion: """
            Examples:
              waybill suppression list --tenant acme --limit 20
              waybill suppression list --address ann@example.org --at 24h
            """)

    @OptionGroup var options: StateOptions
    @OptionGroup var filter: SuppressionFilterOptions
    @OptionGroup var page: PageOptions

    func run() throws {
        let (suppression, now) = try options.load(Suppression.self)
        var listing = Listing(SuppressionFilterOptions.columns)
        let filter = filter.filter
        suppression.forEach { entry in
            guard filter.fits(entry.address), !entry.isOver(at: now) else { return }
            listing.add(SuppressionFilterOptions.cells(entry))
        }
        page.show(listing, options.output, empty: "nobody is suppressed")
    }
}

/// `waybill suppression export`.
struct SuppressionExport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write all of the list, for an import or another program.",
        discussion: """
            Examples:
              waybill suppression export > list.csv
              waybill suppression export --tenant acme --format ndjson
            """)

    @OptionGroup var options: StateOptions
    @OptionGroup var filter: SuppressionFilterOptions

    func run() throws {
        let (suppression, now) = try options.load(Suppression.self)
        var listing = Listing(SuppressionFilterOptions.columns)
        let filter = filter.filter
        suppression.forEach { entry in
            guard filter.fits(entry.address), !entry.isOver(at: now) else { return }
            listing.add(SuppressionFilterOptions.cells(entry))
        }
        put(listing.text(options.format ?? (options.data.json ? .ndjson : .csv)))
    }
}

/// `waybill suppression add`.
struct SuppressionAdd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Send nothing to these addresses or domains from now on.",
        discussion: """
            Examples:
              waybill suppression add ann@example.org --reason "asked by phone"
              waybill suppression add example.net --tenant acme --for 7d
            """)

    @Argument(help: "ann@example.org, or example.org for every mailbox of a domain.")
    var addresses: [String]
    @OptionGroup var data: DataOptions
    @Option(help: "For mail of this tenant only. Default: for everybody's.") var tenant: String?
    @Option(help: "Why, in words: it stands in the log.") var reason: String?
    @OptionGroup var end: EndOptions
    @Flag(help: "Only say what would change.") var dryRun = false

    func run() async throws {
        try await ControlPoint.use(data) { point in
            for address in addresses {
                var writer = JSONWriter()
                writer.beginObject()
                writer.string(address, "address")
                if let tenant { writer.string(tenant, "tenant") }
                if let reason { writer.string(reason, "reason") }
                if dryRun { writer.bool(true, "dry_run") }
                end.write("expires", to: &writer)
                writer.endObject()
                let answer = try await ControlCall.post(
                    "/api/v1/suppressions", writer.text, at: point)
                SuppressionAnswer.show(
                    answer, json: data.json, past: "suppressed", already: "suppressed already")
            }
        }
    }
}

/// `waybill suppression remove`.
struct SuppressionRemove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Take addresses or domains off the list.",
        discussion: "An entry is for a tenant or for everybody: --tenant names the one meant.")

    @Argument(help: "As in the list.") var addresses: [String]
    @OptionGroup var data: DataOptions
    @Option(help: "The entry of this tenant. Default: everybody's.") var tenant: String?
    @Option(help: "Why, in words: it stands in the log.") var reason: String?
    @Flag(help: "Only say what would change.") var dryRun = false

    func run() async throws {
        try await ControlPoint.use(data) { point in
            for address in addresses {
                var query: [(String, String)] = []
                if let tenant { query.append(("tenant", tenant)) }
                if let reason { query.append(("reason", reason)) }
                if dryRun { query.append(("dry_run", "true")) }
                let path = "/api/v1/suppressions/\(PercentText.encode(address))"
                let answer = try await ControlCall.answer(
                    LocalRequest(.delete, path + PercentText.query(query)), at: point)
                SuppressionAnswer.show(
                    answer, json: data.json, past: "off the list", already: "not on the list")
            }
        }
    }
}

/// How the answer about one address is shown.
enum SuppressionAnswer {
    static func show(_ answer: JSONValue, json: Bool, past: String, already: String) {
        if json { return print(answer.json) }
        let address = EventLine.printable(answer["address"].text)
        let event = answer["sequence"] == .null ? "" : " (event \(answer["sequence"].text))"
        switch (answer["changed"].isTrue, answer["dry_run"].isTrue) {
        case (true, true): print("would be \(past): \(address)")
        case (true, false): print("\(past): \(address)\(event)")
        case (false, _): print("\(already): \(address)")
        }
    }
}
