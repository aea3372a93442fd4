import ArgumentParser
import MailModel
import MailProjections

/// `waybill provider`: how receiving providers take our mail.
struct ProviderCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "provider", abstract: "How receiving providers take our mail.",
        discussion: """
            A provider is the registered part of its MX hosts' names: google.com for \
            gmail-smtp-in.l.google.com.
            """,
        subcommands: [ProviderList.self, ProviderStats.self])
}

/// `waybill provider list`.
struct ProviderList: StatisticsCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List providers, the busiest first.",
        discussion: """
            Example:
              waybill provider list --since 24h
            """)

    @OptionGroup var options: StatisticsOptions
    @OptionGroup var page: PageOptions

    var asked: AskedStatistics {
        options.asking(.receivers(.provider), page: page, empty: "no delivery was attempted")
    }
}

/// `waybill provider stats`.
struct ProviderStats: StatisticsCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Show everything counted of a provider, and its windows.",
        discussion: """
            Example:
              waybill provider stats google.com
            Exit code 1: there is no such provider.
            """)

    @Argument(help: "Name of the provider, as provider list shows it.") var name: String
    @OptionGroup var options: StatisticsOptions

    var asked: AskedStatistics {
        var asked = options.asking(.subject(.provider, name))
        asked.addition = AskedStatistics.Addition(
            title: "Windows", question: .reputation(.provider, source: nil, provider: name),
            empty: "no attempt within 7 days")
        return asked
    }
}

/// `waybill source`: our own addresses.
struct SourceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "source", abstract: "How our own source addresses fare.",
        subcommands: [SourceList.self, SourceReputation.self])
}

/// `waybill source list`.
struct SourceList: StatisticsCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List source addresses, the busiest first.",
        discussion: """
            Example:
              waybill source list --since 24h --json
            """)

    @OptionGroup var options: StatisticsOptions
    @OptionGroup var page: PageOptions

    var asked: AskedStatistics {
        options.asking(.receivers(.source), page: page, empty: "no delivery was attempted")
    }
}

/// `waybill source reputation`.
struct SourceReputation: StatisticsCommand {
    static let configuration = CommandConfiguration(
        commandName: "reputation",
        abstract: "Show delivery, bounce and deferral rates of the last hour, day and week.",
        discussion: """
            Delivery and bounce rates are of recipients that are final, the deferral rate of \
            attempts, the complaint rate of deliveries. With --at the windows end there.
            Examples:
              waybill source reputation
              waybill source reputation 192.0.2.25 --by-provider
              waybill source reputation --provider google.com --at 2026-11-21T09:00
            """)

    @Argument(help: "An address; all of them without.") var address: String?
    @OptionGroup var options: StatisticsOptions
    @OptionGroup var page: PageOptions
    @Flag(help: "A row for each receiving provider.") var byProvider = false
    @Option(help: "Only at this provider.") var provider: String?

    func validate() throws {
        if options.since != nil || options.until != nil {
            throw ValidationError("the windows are 1h, 24h and 7d; --at says where they end")
        }
    }

    var asked: AskedStatistics {
        let isByProvider = byProvider || provider != nil
        return options.asking(
            .reputation(isByProvider ? .route : .source, source: address, provider: provider),
            page: page, empty: "no attempt within 7 days")
    }
}
