import ArgumentParser
import MailModel
import MailProjections

/// `waybill client`: what became of each client's mail.
struct ClientCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "client", abstract: "What became of clients' (tenants') mail.",
        subcommands: [ClientList.self, ClientStats.self, ClientHistory.self])
}

extension Statistics {
    /// The subject of that kind and name; complains when there is none.
    func find(_ kind: SubjectKind, _ name: String, list: String) throws -> SubjectKey {
        let key = SubjectKey(kind: kind, name: name)
        guard report(key) != nil else {
            complain(
                "waybill: nothing is counted of \"\(name)\"; `waybill \(list)` shows what is")
            throw Exit.found
        }
        return key
    }
}

/// `waybill client list`.
struct ClientList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List clients, the busiest first.",
        discussion: """
            Mail that names no client is shown as (none).
            Example:
              waybill client list --since 7d
            """)

    @OptionGroup var options: StatisticsOptions
    @OptionGroup var page: PageOptions

    func run() throws {
        let (statistics, span) = try options.load()
        page.show(SubjectList.clients(statistics, span), options.output, empty: "no client")
    }
}

/// `waybill client stats`.
struct ClientStats: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Show everything counted of a client.",
        discussion: """
            Examples:
              waybill client stats acme --since 24h
              waybill client stats "" --json
            Exit code 1: there is no such client.
            """)

    @Argument(help: "Name of the client; empty for mail that names none.") var name: String
    @OptionGroup var options: StatisticsOptions

    func run() throws {
        let (statistics, span) = try options.load()
        let key = try statistics.find(.tenant, name, list: "client list")
        put(SubjectCard(key, statistics, span)?.text(options.output) ?? "")
    }
}

/// `waybill client history`.
struct ClientHistory: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "Show a client's mail by minute, hour or day.",
        discussion: """
            Example:
              waybill client history acme --by day --since 2026-11-01
            """)

    @Argument(help: "Name of the client; empty for mail that names none.") var name: String
    @OptionGroup var options: StatisticsOptions
    @OptionGroup var history: HistoryOptions
    @OptionGroup var page: PageOptions

    func run() throws {
        let (statistics, span) = try options.load()
        let key = try statistics.find(.tenant, name, list: "client list")
        page.show(
            SubjectList.history([key], statistics, span, by: history.by), options.output,
            empty: "nothing happened then")
    }
}
