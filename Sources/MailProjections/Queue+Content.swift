extension Queue {
    /// The oldest message that is not final, or piece of one that may not be, or one past the last
    /// event that the queue knows: no event before it is needed for a delivery.
    package var firstNeeded: UInt64 {
        let message = table.rows.firstIndex { !$0.isEmpty }.map { table.sequences[$0] }
        return min(message ?? lastSequence + 1, pieces.first(at: lastTime) ?? .max)
    }

    /// Which of these are messages that are not final, or pieces of such: their content is still needed.
    ///
    /// - Parameter messages: Sequences of events with content, ascending.
    /// - Returns: nil when the queue has not come as far as the last of them: it cannot know.
    package func waiting(of messages: some Collection<UInt64>) -> Set<UInt64>? {
        guard messages.max() ?? 0 <= lastSequence else { return nil }
        return Set(messages.lazy.filter { needs($0) })
    }

    private func needs(_ sequence: UInt64) -> Bool {
        table.index(of: sequence) != nil || pieces.needs(sequence, at: lastTime)
    }
}
