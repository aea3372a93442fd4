import MailEvents
import MailModel

/// A message of which recipients are under way: shared by their groups.
///
/// Concurrency: bound to delivery's event loop.
final class ActiveMessage {
    /// What is needed to send it: kept from its arrival while memory allows, otherwise read back.
    struct Stored: Sendable {
        var received: MessageReceived
        /// All of it, or its first piece.
        var content: [UInt8]

        /// The pieces behind ``content``, by their sequences.
        var following: ArraySlice<UInt64> { received.contentPieces.dropFirst() }
        /// Octets of them.
        var followingOctets: Int {
            received.contentPieces.isEmpty ? 0 : max(0, received.sizeOctets - content.count)
        }
    }

    let facts: MessageFacts
    /// nil: to be read from the log.
    var stored: Stored?
    /// Groups that refer to it.
    var groupCount = 0
    /// Transactions and notifications that need ``stored`` now.
    var useCount = 0
    /// Octets counted against the memory for fresh contents.
    var freshOctets = 0
    /// Octets counted against the memory for contents read back.
    var readOctets = 0
    /// Who waits for the content to be read.
    var readers: [(isWanted: () -> Bool, body: ContentMemory.Reader)] = []

    /// Octets that sending it takes: of a content in pieces three are there at most, the first one, the
    /// one on its way, and the next.
    var heldOctets: Int { min(facts.sizeOctets, 3 * ContentPiece.octets) }

    init(facts: MessageFacts) {
        self.facts = facts
    }
}
