package import Logging
package import MailModel
package import NIOCore

/// Accepts mail: runs the listeners, and answers for what they took.
///
/// Concurrency: any thread. Each session lives on one event loop.
package final class Reception: Sendable {
    /// One listener as bound.
    package struct BoundListener: Hashable, Sendable {
        package var name: String
        package var host: String
        /// With the kernel's choice where port 0 was asked for.
        package var port: Int
    }

    /// The listeners as bound, in the configuration's order.
    package let listeners: [BoundListener]

    private init(listeners: [BoundListener]) { self.listeners = listeners }

    /// Binds every listener and begins to accept.
    ///
    /// Accepted messages go to `log`; `group` has the event loops for listeners and sessions; `now`
    /// gives the time of events and is called on the event loops. Throws `ReceptionError` or
    /// `TransportError`; nothing listens then.
    package static func start(
        configuration: ReceptionConfiguration, log: any MessageLog, group: any EventLoopGroup,
        now: @escaping @Sendable () -> EventTime, logger: Logger
    ) async throws -> Reception {
        Reception(listeners: [])
    }

    /// Reads certificates and the users' file again; what cannot be read stays as it was.
    ///
    /// - Returns: what could not be reloaded, in words; empty when everything was.
    package func reload() -> [String] { [] }

    /// Stops: no new sessions; idle ones get `421 4.3.2`; one in a transaction may finish within
    /// the limit. Returns when every session has ended.
    package func stop(limitSeconds: Double = 30) async {}
}
