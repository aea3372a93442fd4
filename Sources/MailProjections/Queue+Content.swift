extension Queue {
    /// Which of these messages are not final: their content is still needed.
    ///
    /// - Parameter messages: Sequences of `received` events, ascending.
    /// - Returns: nil when the queue has not come as far as the last of them: it cannot know.
    package func waiting(of messages: some Collection<UInt64>) -> Set<UInt64>? {
        guard messages.max() ?? 0 <= lastSequence else { return nil }
        return Set(messages.lazy.filter { table.index(of: $0) != nil })
    }
}
