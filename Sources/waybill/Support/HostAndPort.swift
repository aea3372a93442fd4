import ConfigurationFile
import Delivery

/// An address given on the command line, with a port.
struct HostAndPort {
    var host: String
    var port: Int

    /// Reads `HOST:PORT`, `[IPV6]:PORT`; port 0 is allowed. nil when it is neither.
    init?(_ text: String) {
        guard let address = WaybillConfiguration.listenAddress(text), let port = address.port
        else { return nil }
        host = address.host
        self.port = port
    }
}
