import Hummingbird
import Logging
import NIOCore
import NIOSSL

/// What is known of a request's connection.
///
/// Concurrency: value.
struct APIContext: InitializableFromSource, Sendable {
    typealias Source = ApplicationRequestContextSource

    /// Text of the client's IP address; empty when unknown.
    var clientAddress = ""
    /// The connection; nil in tests without one.
    var channel: (any Channel)?
    var logger: Logger

    init(source: ApplicationRequestContextSource) {
        clientAddress = source.channel.remoteAddress?.ipAddress ?? ""
        channel = source.channel
        logger = source.logger
    }

    init(clientAddress: String, logger: Logger) {
        self.clientAddress = clientAddress
        self.logger = logger
    }

    /// For example `TLSv1.3`; empty without TLS.
    func tlsVersion() async -> String {
        guard let channel, let version = try? await channel.nioSSL_tlsVersion().get() else {
            return ""
        }
        return switch version {
        case .tlsv1: "TLSv1"
        case .tlsv11: "TLSv1.1"
        case .tlsv12: "TLSv1.2"
        case .tlsv13: "TLSv1.3"
        }
    }
}
