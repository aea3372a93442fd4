/// Where appends come in: refuses or queues them, and wakes the writer.
///
/// Concurrency: value; any thread.
struct AppendIntake<Event: Sendable>: Sendable {
    let queue: Monitor<LogQueue<Event>>
    let configuration: EventLogConfiguration

    /// Queues an append. Never blocks; the outcome goes to the append's observer, on the writer thread
    /// (on the caller's only once the log has been closed).
    func take(_ append: Append<Event>) {
        let octets = append.contentOctets
        let events = append.events.count
        var refusedNow: AppendOutcome?
        let permitRefusal = append.contents.isEmpty ? nil : configuration.permit?.refusal
        let wake = queue.withLock { queue in
            let refusal =
                (append.contents.isEmpty ? nil : queue.contentRefusal)
                ?? permitRefusal
                ?? queue.refusal(octets: octets, events: events, configuration: configuration)
            if let refusal {
                let outcome = AppendOutcome(token: append.token, result: .failure(refusal))
                if queue.phase == .stopped {
                    refusedNow = outcome
                    return false
                }
                queue.refused.append(.init(observer: append.observer, outcome: outcome))
            } else {
                queue.pending.append(append)
                queue.backlogOctets += octets
                queue.backlogEvents += events
            }
            defer { queue.isWriterWaiting = false }
            return queue.isWriterWaiting
        }
        if wake { queue.broadcast() }
        if let refusedNow { append.observer?.appendsCompleted([refusedNow]) }
    }
}
