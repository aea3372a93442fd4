import EventLog
import MailEvents
import MailModel

/// Messages that are durable here and not acknowledged: they wait for standbys, and are taken back when
/// these do not come in time. Nothing is sent before that is known.
extension DeliveryEngine {
    /// A message just accepted, with those of its recipients whose events have been seen.
    struct FreshMessage {
        var message: ActiveMessage
        var recipients: [(state: RecipientState, due: EventTime)] = []
    }

    /// All of a fresh message has been seen: it is sent, or waits for its acknowledgement. `ranges` are
    /// what is provisional of its batch; those that end before it are dropped.
    func settle(_ fresh: FreshMessage?, _ ranges: inout ArraySlice<ClosedRange<UInt64>>) {
        guard let fresh else { return }
        let sequence = fresh.message.facts.id.sequence
        while let first = ranges.first, first.upperBound < sequence { ranges.removeFirst() }
        guard let first = ranges.first, first.contains(sequence) else { return enqueue(fresh) }
        provisional[sequence] = fresh
    }

    /// The messages of an append have been acknowledged.
    func acknowledged(_ sequences: ClosedRange<UInt64>) {
        guard earlyNews == nil else {
            earlyNews?.append(.acknowledged(sequences))
            return
        }
        // An append is one message in nearly every case: its events need not be looked up one by one.
        if let fresh = provisional.removeValue(forKey: sequences.lowerBound) { enqueue(fresh) }
        if !provisional.isEmpty, sequences.count > 2 {
            for sequence in sequences.dropFirst() {
                if let fresh = provisional.removeValue(forKey: sequence) { enqueue(fresh) }
            }
        }
        pumpTouched()
        armScheduleTimer()
    }

    /// A recipient is final by a decision; true when its message was still waiting here.
    func withdrawProvisional(_ recipient: RecipientReference) -> Bool {
        let sequence = recipient.message.sequence
        guard var fresh = provisional[sequence], fresh.message.facts.id == recipient.message else {
            return false
        }
        fresh.recipients.removeAll { $0.state.number == recipient.number }
        provisional[sequence] = fresh.recipients.isEmpty ? nil : fresh
        if fresh.recipients.isEmpty { contents.release(fresh.message) }
        return true
    }
}
