import Configuration
import Delivery
import EventLog
import Logging
import MailEvents
import MailProjections
import NIOCore
import Resolver

/// Delivery with what it needs: the queue brought up to date, and the resolver.
///
/// Concurrency: any thread.
final class DeliveryService: Sendable {
    private let delivery: Delivery
    private let resolver: UnboundResolver

    private init(delivery: Delivery, resolver: UnboundResolver) {
        self.delivery = delivery
        self.resolver = resolver
    }

    /// Loads the queue and begins to send.
    static func start(
        configuration: WaybillConfiguration, log: EventLog<MailEventCodec>,
        eventLoop: any EventLoop, logger: Logger
    ) async throws -> DeliveryService {
        let resolver = try UnboundResolver(configuration.resolver)
        let delivery = try await Delivery.start(
            policy: configuration.delivery, queue: Queue(), log: log, resolver: resolver,
            eventLoop: eventLoop, now: { SystemClock.now() }, logger: Logger(label: "delivery"))
        return DeliveryService(delivery: delivery, resolver: resolver)
    }

    /// Lets transactions under way finish, within a limit.
    func stop(limitMilliseconds: Int) async {
        await delivery.stop(deadline: .now() + .milliseconds(Int64(limitMilliseconds)))
        resolver.close()
    }
}
