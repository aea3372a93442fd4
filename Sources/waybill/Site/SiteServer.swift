import ConfigurationFile
import EventLog
import Logging
import Replication
import ServiceLifecycle
import Synchronization

/// The server in whatever role the site has: primary, standby or fenced, one after the other as the
/// role changes.
///
/// Concurrency: any thread; ``run()`` is called once.
final class SiteServer: Service {
    private enum Part: Sendable {
        case primary(MailServer)
        case standby(StandbyServer)
    }

    private let configuration: WaybillConfiguration
    private let readAgain: (@Sendable () throws -> WaybillConfiguration)?
    /// What a backup keeps a copy of.
    private let configurationFile: String?
    private let desk: SiteDesk
    private let logger: Logger
    private let part = Mutex<Part?>(nil)

    /// - Parameters:
    ///   - configuration: What to run with.
    ///   - readAgain: Reads the configuration again; nil when there is no file.
    ///   - logger: The server's.
    ///   - configurationFile: Where the configuration was read from; nil: from flags.
    /// - Throws: When the record of the role cannot be read.
    init(
        configuration: WaybillConfiguration,
        readAgain: (@Sendable () throws -> WaybillConfiguration)?, logger: Logger,
        configurationFile: String? = nil
    ) throws {
        self.configuration = configuration
        self.configurationFile = configurationFile
        self.readAgain = readAgain
        self.logger = logger
        desk = try SiteDesk(configuration, logger: Logger(label: "site"))
    }

    /// Runs until a graceful shutdown is asked for.
    func run() async throws {
        guard let lease = desk.lease else { return try await runParts() }
        // Another process that writes this log keeps the lease; its own entry would be taken for ours.
        let directory = DataDirectory.log(configuration.dataDirectory)
        guard !LogLock.isHeld(directory: directory) else {
            throw EventLogError(
                .locked, "another process has the log", file: directory,
                hint: "Stop the other server first, or use another data directory.")
        }
        try lease.start(desk.leaseSite)
        do {
            try await runParts()
        } catch {
            // This site cannot go on, and another one should not have to wait for it to try again.
            lease.release()
            throw error
        }
        lease.stop()
    }

    private func runParts() async throws {
        var loaded: StandbyFolds.Loaded?
        var configuration = configuration
        var isFirst = true
        while true {
            let demand = desk.begin()
            if await desk.mayWrite(demand) {
                // The start may be long ago, and a standby passes over what a SIGHUP would have taken.
                if !isFirst { renewDelivery(of: &configuration) }
                let server = MailServer(
                    configuration: configuration, readAgain: readAgain, desk: desk,
                    demand: demand, loaded: loaded, logger: logger,
                    configurationFile: configurationFile)
                loaded = nil
                part.withLock { $0 = .primary(server) }
                try await server.run()
                configuration = server.configurationInForce
            } else if !demand.isRaised {
                let server = StandbyServer(
                    configuration: configuration, desk: desk, demand: demand, logger: logger)
                part.withLock { $0 = .standby(server) }
                loaded = try await server.run()
            }
            part.withLock { $0 = nil }
            isFirst = false
            switch demand.kind {
            case nil, .shutdown: return
            case .rejoin(let address):
                await SiteRejoin(
                    address: address, configuration: configuration, desk: desk, logger: logger
                ).run()
                loaded = nil
            case .otherRole, .switchover: break
            }
            logger.notice(
                "role",
                metadata: [
                    "role": "\(desk.current.role.rawValue)", "epoch": "\(desk.current.epoch)",
                ])
        }
    }

    /// Takes from the file what a SIGHUP would take; when it cannot be used, what was good last stays.
    private func renewDelivery(of configuration: inout WaybillConfiguration) {
        guard let readAgain else { return }
        do {
            configuration.takeDelivery(of: try readAgain())
        } catch {
            logger.error(
                "configuration not read again: delivery goes on as it was configured before",
                metadata: ["reason": "\(error)"])
        }
    }

    /// Reads again what can be, without dropping a session.
    func reload() async {
        switch part.withLock({ $0 }) {
        case .primary(let server): await server.reload()
        case .standby(let server): await server.reload()
        case nil: break
        }
    }
}
