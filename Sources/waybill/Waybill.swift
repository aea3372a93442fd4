import ArgumentParser

/// The one executable: `serve` and every operator verb.
@main
struct Waybill: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "waybill",
        abstract: "A sending mail server whose queue is an append-only event log.",
        version: Version.text,
        subcommands: [
            Serve.self, Send.self, QueueCommand.self, SuppressionCommand.self,
            FeedbackCommand.self, Trace.self, MessageCommand.self,
            LogCommand.self, BackupCommand.self, RestoreCommand.self, SiteCommand.self,
            ProjectionCommand.self, CampaignCommand.self, ClientCommand.self,
            RecipientCommand.self, AnalyticsCommand.self, ProviderCommand.self, SourceCommand.self,
            UserCommand.self, KeyCommand.self, ConfigCommand.self, Sink.self,
        ])
}
