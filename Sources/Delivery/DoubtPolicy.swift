package import EventLog
package import MailModel

/// What becomes of mail in doubt, queue by queue: the first rule that fits counts, otherwise the default.
///
/// Concurrency: value.
package struct DoubtPolicy: Hashable, Sendable {
    /// What becomes of an attempt whose outcome nobody knows.
    package enum Mode: String, Hashable, Sendable, CaseIterable {
        /// The message is sent again: at least once.
        case retry
        /// The intent is in the log before the final dot, and the recipient is held until somebody
        /// decides: at most once.
        case hold
    }

    /// What a rule decides when nobody else has.
    package enum Verdict: String, Hashable, Sendable, CaseIterable {
        case retry, bounce
    }

    /// What holds for a queue.
    package struct Terms: Hashable, Sendable {
        package var mode: Mode
        /// Seconds after which a held recipient is decided by itself; nil: never.
        package var decideAfterSeconds: Int64?
        /// What is decided then.
        package var verdict: Verdict

        /// Creates terms.
        package init(
            mode: Mode = .retry, decideAfterSeconds: Int64? = nil, verdict: Verdict = .retry
        ) {
            self.mode = mode
            self.decideAfterSeconds = decideAfterSeconds
            self.verdict = verdict
        }
    }

    /// One exception.
    package struct Rule: Hashable, Sendable {
        package var queues: QueuePattern
        package var terms: Terms

        package init(queues: QueuePattern, terms: Terms) {
            self.queues = queues
            self.terms = terms
        }
    }

    /// For every queue without a rule of its own.
    package var standard: Terms
    /// In the order in which they are tried.
    package var rules: [Rule]
    /// On how many standbys an intent must be before the final dot; nil: this site is enough.
    package var demand: StandbyDemand?

    /// Creates a policy.
    package init(
        standard: Terms = Terms(), rules: [Rule] = [], demand: StandbyDemand? = nil
    ) {
        self.standard = standard
        self.rules = rules
        self.demand = demand
    }

    /// Whether any queue holds mail in doubt.
    package var mayHold: Bool {
        standard.mode == .hold || rules.contains { $0.terms.mode == .hold }
    }

    /// Whether some queue decides by itself.
    package var mayDecide: Bool {
        standard.decideAfterSeconds != nil || rules.contains { $0.terms.decideAfterSeconds != nil }
    }

    /// The terms of a queue.
    package func terms(for queue: QueueName) -> Terms {
        rules.first { $0.queues.matches(queue) }?.terms ?? standard
    }
}
