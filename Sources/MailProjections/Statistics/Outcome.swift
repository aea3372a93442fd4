/// What became of an attempt, or of what was delivered.
enum Outcome: Sendable {
    case delivered, deferred, bounced, expired
    /// Reports that come after a delivery.
    case complained, bouncedLater
}

/// What every subject of an outcome is told.
///
/// Concurrency: value.
struct OutcomeNote: Sendable {
    let outcome: Outcome
    var isRetry = false
    var inDoubt = false
    var bounceClass: UInt32 = 0
    /// -1 when it is not known.
    var bucket = -1
    var milliseconds: Int64 = 0
    /// Number of the reply's pattern; nil without one.
    var reply: UInt32?

    init(_ outcome: Outcome) { self.outcome = outcome }
}

extension DeliveryCounters {
    /// Counts an outcome.
    @inline(__always)
    mutating func count(_ note: OutcomeNote) {
        switch note.outcome {
        case .delivered: delivered &+= 1
        case .deferred:
            deferred &+= 1
            if note.inDoubt { inDoubt &+= 1 }
        case .bounced: bounced &+= 1
        case .expired: expired &+= 1
        case .complained: complained &+= 1
        case .bouncedLater: bouncedLater &+= 1
        }
        if note.isRetry { retries &+= 1 }
    }
}

extension OutcomeDetail {
    /// Counts why it went as it did, and how long it took.
    @inline(__always)
    mutating func count(_ note: OutcomeNote) {
        switch note.outcome {
        case .delivered:
            if note.bucket >= 0 {
                latency.record(milliseconds: note.milliseconds, bucket: note.bucket)
            }
        case .deferred: deferrals.add(rawClass: note.bounceClass)
        case .bounced, .expired: failures.add(rawClass: note.bounceClass)
        case .bouncedLater: returns.add(rawClass: note.bounceClass)
        case .complained: break
        }
    }
}
