import MailEvents
import MailModel

/// A message of which recipients are under way: shared by their groups.
///
/// Concurrency: bound to delivery's event loop.
final class ActiveMessage {
    /// What is needed to send it: kept from its arrival while memory allows, otherwise read back.
    struct Stored: Sendable {
        var received: MessageReceived
        var content: [UInt8]
    }

    let facts: MessageFacts
    /// nil: to be read from the log.
    var stored: Stored?
    /// Groups that refer to it.
    var groupCount = 0
    /// Octets counted against the memory for contents.
    var countedOctets = 0

    init(facts: MessageFacts, stored: Stored?) {
        self.facts = facts
        self.stored = stored
    }
}
