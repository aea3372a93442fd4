import Synchronization

/// Octets of requests and messages in memory, over all requests.
///
/// Concurrency: any thread; one atomic number.
final class OctetBudget: Sendable {
    private let limit: Int
    private let used = Atomic<Int>(0)

    init(limit: Int) { self.limit = limit }

    /// Octets taken at the moment.
    var usedOctets: Int { used.load(ordering: .relaxed) }

    /// Takes octets, which ``Share/deinit`` gives back.
    func share() -> Share { Share(budget: self) }

    /// What one request has taken; given back when it goes.
    ///
    /// Concurrency: any thread.
    final class Share: Sendable {
        private let budget: OctetBudget
        private let taken = Atomic<Int>(0)

        init(budget: OctetBudget) { self.budget = budget }

        deinit { budget.used.subtract(taken.load(ordering: .relaxed), ordering: .relaxed) }

        /// Takes more; throws 503 when there is no more.
        func take(_ octets: Int) throws(Problem) {
            let now = budget.used.add(octets, ordering: .relaxed).newValue
            taken.add(octets, ordering: .relaxed)
            guard now <= budget.limit else {
                throw Problem(.overloaded, "Too many messages are being taken in; try again.")
            }
        }
    }
}
