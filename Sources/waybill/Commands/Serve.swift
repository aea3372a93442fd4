import ArgumentParser
import CLinux
import ConfigurationFile
import Delivery
import HTTPAPI
import Logging
import MailModel
import Reception
import Resolver
import ServiceLifecycle
import UnixSignals

/// `waybill serve`: accept, keep, deliver.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the mail server: accept, keep, deliver.",
        discussion: """
            With a configuration file, flags override what it says. Without one, the flags are enough:
              waybill serve --data /tmp/mail --listen 127.0.0.1:2525 --relay-from 127.0.0.0/8
              waybill serve --data /tmp/mail --listen 127.0.0.1:2525 --relay-from 127.0.0.0/8 \\
                --smarthost smtp.example.org:587

            SIGTERM and SIGINT stop gracefully. SIGHUP reads certificates, users, keys and, of the
            configuration file, what concerns delivery again.
            """)

    @Option(help: "Data directory; created when missing. Default: the file's, or $WAYBILL_DATA.")
    var data: String?

    @Option(help: "Configuration file (docs/configuration.md).")
    var config: String?

    @Option(help: "Listen here, HOST:PORT; repeatable. Port 0 lets the kernel choose.")
    var listen: [String] = []

    @Option(
        help: "Network whose clients may relay through --listen, such as 127.0.0.0/8; repeatable.")
    var relayFrom: [String] = []

    @Option(help: "Send everything to this host, HOST or HOST:PORT.")
    var smarthost: String?

    @Option(help: "Our host name; default: this machine's.")
    var hostname: String?

    @Option(help: "Users' file, for AUTH.")
    var users: String?

    @Option(help: "Certificate for --listen, PEM; with --tls-key.")
    var tlsCertificate: String?

    @Option(help: "Key of the certificate, PEM; with --tls-certificate.")
    var tlsKey: String?

    @Option(help: "HTTP API here, HOST:PORT; port 0 lets the kernel choose.")
    var http: String?

    @Option(help: "File of the HTTP API's keys (waybill key add).")
    var keys: String?

    @Option(help: "Ask this name server, ADDRESS or ADDRESS@PORT; repeatable.")
    var resolver: [String] = []

    @Option(help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel: String?

    @Option(help: "auto, json or human.")
    var logFormat: String?

    @Flag(help: "Accept and keep, but send nothing.")
    var holdDelivery = false

    @OptionGroup(title: "Other sites") var sites: ReplicationOptions

    func run() async throws {
        var configuration =
            try config.map { try loadConfiguration(file: $0, flags: flagsBesideFile) }
            ?? WaybillConfiguration(
                dataDirectory: "", hostName: hostname ?? HostName.ofThisMachine())
        try apply(to: &configuration)
        waybill_raise_open_files()
        let settings = configuration.server
        let format = LineLogHandler.Format(rawValue: settings.logFormat) ?? .auto
        let level = Logger.Level(rawValue: settings.logLevel) ?? .info
        LoggingSystem.bootstrap { label in
            LineLogHandler(component: label, level: level, format: format)
        }
        let logger = Logger(label: "server")
        let server = try SiteServer(
            configuration: configuration,
            readAgain: config.map { readAgain(file: $0) }, logger: logger,
            configurationFile: config)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    ServiceGroupConfiguration.ServiceConfiguration(
                        service: server, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .cancelGroup),
                    ServiceGroupConfiguration.ServiceConfiguration(
                        service: ReloadService(server: server)),
                ],
                gracefulShutdownSignals: [.sigterm, .sigint], cancellationSignals: [],
                logger: quiet(logger)))
        do {
            try await group.run()
        } catch {
            complain("waybill: \(error)")
            throw Exit.unavailable
        }
    }

    /// What reads the file again, with the flags over it as at the start.
    private func readAgain(file: String) -> @Sendable () throws -> WaybillConfiguration {
        let flags = self
        return {
            var configuration = try readConfiguration(file: file, flags: flags.flagsBesideFile)
            try flags.apply(to: &configuration)
            return configuration
        }
    }

    /// What a file need not say itself.
    private var flagsBesideFile: ServerFlags {
        ServerFlags(usersFile: users, hasSites: sites.areGiven)
    }

    /// The service group's own lines say nothing an operator needs.
    private func quiet(_ logger: Logger) -> Logger {
        var logger = logger
        logger.logLevel = .error
        return logger
    }

    private func apply(to configuration: inout WaybillConfiguration) throws {
        if let hostname { configuration.setHostName(hostname) }
        if let directory = data ?? DataOptions.environmentDirectory() {
            configuration.dataDirectory = directory
        }
        guard !configuration.dataDirectory.isEmpty else {
            throw ValidationError("say where to keep the mail: --data DIR")
        }
        if let users { configuration.reception.usersFile = users }
        if let logLevel { configuration.server.logLevel = logLevel }
        if let logFormat { configuration.server.logFormat = logFormat }
        if holdDelivery { configuration.server.delivers = false }
        if !resolver.isEmpty { configuration.resolver.servers = resolver }
        if let smarthost {
            guard let host = HostPort(smarthost) else {
                throw ValidationError("--smarthost \(smarthost): expected HOST or HOST:PORT")
            }
            // A password is for the hosts that it was given for.
            if configuration.delivery.router.defaultRoute.nextHop != .smarthosts([host]) {
                configuration.delivery.router.defaultRoute.credentials = nil
            }
            configuration.delivery.router.defaultRoute.nextHop = .smarthosts([host])
        }
        try sites.apply(to: &configuration)
        try addListeners(to: &configuration)
        try addHTTP(to: &configuration)
        guard !configuration.reception.listeners.isEmpty else {
            throw ValidationError(
                "say where to listen: --listen HOST:PORT, or listeners in --config")
        }
    }

    private func addHTTP(to configuration: inout WaybillConfiguration) throws {
        if let http {
            guard let address = WaybillConfiguration.listenAddress(http) else {
                throw ValidationError("--http \(http): expected HOST:PORT")
            }
            var api =
                configuration.http
                ?? APIConfiguration(host: "", port: 0, serverName: configuration.hostName)
            api.host = address.host
            api.port = address.port ?? 0
            configuration.http = api
        }
        if let keys {
            guard configuration.http != nil else {
                throw ValidationError("--keys is for the HTTP API: give --http HOST:PORT too")
            }
            configuration.http?.keysFile = keys
        }
        configuration.http?.suppliesMissingFields = configuration.reception.suppliesMissingFields
    }

    /// Flags about the listeners of the command line say nothing about the file's: a server that took
    /// them in silence would not relay, or would offer no TLS, against what it was told.
    private func refuseFlagsWithoutListener() throws {
        guard listen.isEmpty else { return }
        let given: [(String?, String)] = [
            (relayFrom.isEmpty ? nil : "--relay-from", "relay_from of a listener"),
            (tlsCertificate == nil ? nil : "--tls-certificate", "tls.certificate"),
            (tlsKey == nil ? nil : "--tls-key", "tls.key"),
        ]
        for case (let flag?, let key) in given {
            throw ValidationError(
                "\(flag) is for --listen: give --listen HOST:PORT too, or say \(key) in --config")
        }
    }

    private func addListeners(to configuration: inout WaybillConfiguration) throws {
        try refuseFlagsWithoutListener()
        let networks = try relayFrom.map { text in
            guard let network = IPNetwork(text) else {
                throw ValidationError(
                    "--relay-from \(text): expected a network such as 127.0.0.0/8")
            }
            return network
        }
        guard (tlsCertificate == nil) == (tlsKey == nil) else {
            throw ValidationError("--tls-certificate and --tls-key go together")
        }
        for text in listen {
            guard let address = WaybillConfiguration.listenAddress(text) else {
                throw ValidationError("--listen \(text): expected HOST:PORT")
            }
            var listener = ListenerPolicy(name: text, host: address.host, port: address.port ?? 0)
            listener.relayNetworks = networks
            listener.offersAuthentication = configuration.reception.usersFile != nil
            if let tlsCertificate, let tlsKey {
                listener.tls = TLSFiles(
                    certificateChainFile: tlsCertificate, privateKeyFile: tlsKey)
            }
            configuration.reception.listeners.append(listener)
        }
    }
}
