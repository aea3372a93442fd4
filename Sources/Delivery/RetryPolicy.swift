package import MailModel

/// The schedules of all queues: the first rule that fits counts, otherwise the default.
///
/// Concurrency: value.
package struct RetryPolicy: Hashable, Sendable {
    /// One exception.
    package struct Rule: Hashable, Sendable {
        package var queues: QueuePattern
        package var schedule: RetrySchedule

        package init(queues: QueuePattern, schedule: RetrySchedule) {
            self.queues = queues
            self.schedule = schedule
        }
    }

    /// For every queue without a rule of its own.
    package var standard: RetrySchedule
    /// In the order in which they are tried.
    package var rules: [Rule]

    /// Creates a policy.
    package init(standard: RetrySchedule = RetrySchedule(), rules: [Rule] = []) {
        self.standard = standard
        self.rules = rules
    }

    /// The schedule of a queue.
    package func schedule(for queue: QueueName) -> RetrySchedule {
        rules.first { $0.queues.matches(queue) }?.schedule ?? standard
    }
}
