/// What waits for the writer: the state behind its monitor.
///
/// Concurrency: value; touched with the writer's monitor held only.
struct LogQueue<Event: Sendable>: Sendable {
    /// How far the writer is.
    enum Phase: Sendable {
        case running
        /// Nothing more is taken; what waits is written.
        case closing
        case stopped
    }

    /// An append that was refused, for the writer thread to tell.
    struct Refused: Sendable {
        var observer: (any AppendObserver)?
        var outcome: AppendOutcome
    }

    var phase = Phase.running
    var pending: [Append<Event>] = []
    /// Who wants the active segment sealed.
    var seals: [@Sendable (Result<UInt64?, EventLogError>) -> Void] = []
    var refused: [Refused] = []
    /// Of everything that is pending or being written.
    var backlogOctets = 0
    var backlogEvents = 0
    /// The writer waits to be woken.
    var isWriterWaiting = false
    var followers: [any LogFollower<Event>] = []
    /// Why nothing can be written any more.
    var failure: EventLogError?
    /// Why no content is taken any more, although the log can be written.
    var contentRefusal: EventLogError?

    /// Whether the writer has something to do.
    var isIdle: Bool { pending.isEmpty && refused.isEmpty && seals.isEmpty && phase == .running }

    /// Why an append of this size is not taken now; nil when it is.
    func refusal(
        octets: Int, events: Int, configuration: EventLogConfiguration
    ) -> EventLogError? {
        if let failure { return failure }
        if phase != .running { return EventLogError(.closed, "the log is closed") }
        if octets + events * EventLogLimits.eventOctetsGuess > EventLogLimits.appendOctetsMax {
            return EventLogError(
                .tooLarge, "one append of \(octets) octets and \(events) events is too large")
        }
        if backlogEvents > 0,
            backlogOctets + octets > configuration.backlogOctetsMax
                || backlogEvents + events > configuration.backlogEventsMax
        {
            return EventLogError(
                .overloaded, "\(backlogEvents) events already wait for the disk")
        }
        return nil
    }
}

extension Append {
    /// Octets of its contents.
    var contentOctets: Int { contents.reduce(0) { $0 + $1.bytes.count } }
}
