extension Queue {
    /// The oldest message that is not final, or one past the last event that the queue knows: no
    /// event before it is needed for a delivery.
    package var firstNeeded: UInt64 {
        table.rows.firstIndex { !$0.isEmpty }.map { table.sequences[$0] } ?? lastSequence + 1
    }

    /// Which of these messages are not final: their content is still needed.
    ///
    /// - Parameter messages: Sequences of `received` events, ascending.
    /// - Returns: nil when the queue has not come as far as the last of them: it cannot know.
    package func waiting(of messages: some Collection<UInt64>) -> Set<UInt64>? {
        guard messages.max() ?? 0 <= lastSequence else { return nil }
        return Set(messages.lazy.filter { table.index(of: $0) != nil })
    }
}
