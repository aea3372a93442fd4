import HTTPAPI
import Synchronization

/// The totals of the live queue, for metrics.
///
/// Concurrency: any thread.
final class LiveTotals: TotalsSource {
    private let delivery = Mutex<DeliveryService?>(nil)

    /// Whose queue it is; nil while there is none.
    func set(_ delivery: DeliveryService?) { self.delivery.withLock { $0 = delivery } }

    func totals() async -> ServerTotals? {
        guard let delivery = delivery.withLock({ $0 }) else { return nil }
        return await delivery.totals()
    }
}
