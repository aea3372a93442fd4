import ArgumentParser

/// The one executable: `serve` and every operator verb.
@main
struct Waybill: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "waybill")
}
