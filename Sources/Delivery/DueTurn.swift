import MailModel
import MailProjections

/// What is due and may go out in one turn of the event loop.
///
/// Recipients of one message travel together even if they were due one after the other, and what is
/// read of the queue grows with the recipients taken, not with the messages they belong to: a
/// message of thousands whose due times differ is not walked through for each of them.
///
/// Concurrency: value, made from values.
struct DueTurn: Sendable {
    /// Each message once, with those recipients that are due; in the order of the first due time.
    private(set) var messages: [QueuedMessage] = []
    /// Recipients of the queue that were looked at: what the turn has cost.
    private(set) var recordsRead = 0

    /// Takes from the schedule what is due, at most so many groups with the same due time.
    init(
        from schedule: inout DueHeap, queue: borrowing Queue, dueBy now: EventTime, groupsMax: Int
    ) {
        var places: [MessageID: Int] = [:]
        var due: [(id: MessageID, numbers: [Int])] = []
        var taken = 0
        while taken < groupsMax, let (id, numbers) = schedule.popGroup(dueBy: now) {
            taken += 1
            if let place = places[id] {
                due[place].numbers += numbers
            } else {
                places[id] = due.count
                due.append((id, numbers))
            }
        }
        messages.reserveCapacity(due.count)
        for (id, numbers) in due {
            let message = queue.message(id, recipients: numbers, recordsRead: &recordsRead)
            if let message, !message.recipients.isEmpty { messages.append(message) }
        }
    }
}
