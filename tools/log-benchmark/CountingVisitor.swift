import MailEvents

/// The least that a fold can do: it counts events.
///
/// Concurrency: value.
struct CountingVisitor: EventVisitor {
    private(set) var count = 0

    mutating func begin(_ texts: BatchTexts) {}

    mutating func visit(_ event: EventView) { count += 1 }
}
