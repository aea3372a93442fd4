import ArgumentParser
import ConfigurationFile
import Reception

/// `waybill config`: check and show a configuration without running it.
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Check or show a configuration file.",
        subcommands: [ConfigCheck.self, ConfigShow.self])
}

/// `waybill config check`: everything wrong, each with file, line, key and what was expected.
struct ConfigCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Say what is wrong with a configuration file.",
        discussion: """
            The file is judged by itself: what only a flag of `waybill serve` gives is missed. The
            files that it names are read too, so do it as the user that the server runs as.
            Exit code 0: it can be used; a warning is about what a server starts without. 78: it
            cannot; every problem is one line.
            """)

    @Argument(help: "The configuration file.")
    var file: String

    func run() throws {
        let configuration = try loadConfiguration(file: file)
        let listeners = configuration.reception.listeners.count
        let findings = NamedFiles.findings(in: configuration)
        for finding in findings { complain("\(file): \(finding)") }
        if listeners == 0 { complain("\(file): there is no listener; expected `listeners`") }
        guard listeners > 0, !findings.contains(where: \.preventsStart) else {
            throw Exit.configuration
        }
        print("\(file): can be used; \(listeners) listener" + (listeners == 1 ? "" : "s"))
    }
}

/// `waybill config show`: what is in force, defaults included, secrets left out.
struct ConfigShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Print the configuration in force, defaults included.",
        discussion: "Passwords are not shown.")

    @Argument(help: "The configuration file; without it, the defaults.")
    var file: String?

    func run() throws {
        let configuration: WaybillConfiguration
        if let file {
            configuration = try loadConfiguration(file: file, flags: .unknown)
        } else {
            configuration = WaybillConfiguration(
                dataDirectory: "/var/lib/waybill", hostName: HostName.ofThisMachine())
        }
        print(configuration.effectiveText, terminator: "")
    }
}

/// Reads a configuration file; problems go to standard error and end the command with 78.
func loadConfiguration(
    file: String, flags: ServerFlags = ServerFlags()
) throws -> WaybillConfiguration {
    do {
        return try readConfiguration(file: file, flags: flags)
    } catch {
        complain(error.description)
        throw Exit.configuration
    }
}

/// Reads a configuration file.
///
/// - Parameters:
///   - file: Its path.
///   - flags: What the command line gives beside it.
/// - Returns: What it says, and defaults for the rest.
/// - Throws: Everything that is wrong with it, each with file, line, key and what was expected.
func readConfiguration(
    file: String, flags: ServerFlags
) throws(UnusableFile) -> WaybillConfiguration {
    let text: String
    do {
        text = try TextFile.read(file)
    } catch {
        throw UnusableFile(description: "waybill: cannot read \(file): \(error)")
    }
    do {
        return try WaybillConfiguration.read(
            text, file: file, defaultHostName: HostName.ofThisMachine(), flags: flags,
            readSecret: { try TextFile.secret($0) })
    } catch {
        throw UnusableFile(description: error.description)
    }
}

/// Why a configuration file cannot be used.
///
/// Concurrency: value.
struct UnusableFile: Error, CustomStringConvertible {
    let description: String
}
