import Delivery
import HTTPAPI
import Reception

extension WaybillConfiguration {
    /// The section `server.http`; ends the reading of `server`.
    mutating func readHTTP(in server: YAMLSection, _ flags: ServerFlags, defaultTLS: TLSFiles?) {
        if let section = server.section("http") {
            let api = readHTTP(section, defaultTLS: defaultTLS)
            check(api.ackLevel, section, flags)
            http = api
        }
        server.finish()
    }

    private func readHTTP(_ section: YAMLSection, defaultTLS: TLSFiles?) -> APIConfiguration {
        let address = section.parsed(
            "listen", default: HostPort(host: "127.0.0.1", port: 8025),
            expected: "HOST:PORT such as 127.0.0.1:8025", Self.listenAddress)
        var api = APIConfiguration(
            host: address.host, port: address.port ?? 0, serverName: hostName)
        let keys = section.string("keys")
        api.keysFile = keys.isEmpty ? nil : keys
        let usesTLS = section.bool(
            "tls", default: section.has("certificate") || (defaultTLS != nil && !api.isOnLoopback))
        let certificate = section.section("certificate").flatMap(readTLS) ?? defaultTLS
        if usesTLS {
            if let certificate {
                api.tls = APITLSFiles(
                    certificateChainFile: certificate.certificateChainFile,
                    privateKeyFile: certificate.privateKeyFile)
            } else {
                section.note(
                    "tls", "there is no certificate",
                    expected: "`certificate` here or `tls` at the top")
            }
        }
        api.allowsPlaintextBeyondLoopback = section.bool(
            "allow_plaintext_beyond_loopback", default: false)
        api.ackLevel = Self.readAck(section)
        if let limits = section.section("limits") { readLimits(limits, &api) }
        for problem in api.problems() {
            let parts = problem.split(separator: ": ", maxSplits: 1).map(String.init)
            section.note("listen", parts.dropFirst().joined())
        }
        section.finish()
        return api
    }

    private func readLimits(_ section: YAMLSection, _ api: inout APIConfiguration) {
        api.bodyOctets = section.octets(
            "body_size", default: api.bodyOctets, in: 65_536...(256 << 20))
        api.messageOctets = section.octets(
            "message_size", default: api.messageOctets, in: 65_536...(96 << 20))
        api.recipients = section.integer("recipients", default: api.recipients, in: 1...100_000)
        api.connections = section.integer(
            "connections", default: api.connections, in: 1...100_000)
        api.streams = section.integer("streams", default: api.streams, in: 0...10_000)
        section.finish()
    }
}
