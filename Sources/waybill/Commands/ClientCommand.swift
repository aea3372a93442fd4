import ArgumentParser
import MailModel
import MailProjections

/// `waybill client`: what became of each client's mail.
struct ClientCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "client", abstract: "What became of clients' (tenants') mail.",
        subcommands: [ClientList.self, ClientStats.self, ClientHistory.self])
}

/// `waybill client list`.
struct ClientList: StatisticsCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List clients, the busiest first.",
        discussion: """
            Mail that names no client is shown as (none).
            Example:
              waybill client list --since 7d
            """)

    @OptionGroup var options: StatisticsOptions
    @OptionGroup var page: PageOptions

    var asked: AskedStatistics {
        options.asking(.clients(only: nil), page: page, empty: "no client")
    }
}

/// `waybill client stats`.
struct ClientStats: StatisticsCommand {
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

    var asked: AskedStatistics {
        options.asking(.subject(.tenant, name))
    }
}

/// `waybill client history`.
struct ClientHistory: StatisticsCommand {
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

    var asked: AskedStatistics {
        options.asking(
            .history(.tenant, name, by: history.by), page: page, empty: "nothing happened then")
    }
}
