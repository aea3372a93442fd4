import Logging
import MailEvents
import MailModel

/// A message of which recipients are under way: shared by their groups.
///
/// Concurrency: bound to delivery's event loop.
final class ActiveMessage {
    /// What is needed to send it: kept from its arrival while memory allows, otherwise read back.
    struct Stored: Sendable {
        var received: MessageReceived
        /// All of it; of a message of more than ``ContentPiece/octets``, its first piece.
        var content: [UInt8]

        /// The pieces behind ``content``, by their sequences.
        var following: ArraySlice<UInt64> {
            followingOctets > 0 ? received.contentPieces.dropFirst() : []
        }
        /// Octets of them.
        var followingOctets: Int {
            // No log that was written by us has a larger one; of another it must not overflow.
            let octets = min(received.sizeOctets, 1 << 40)
            return received.contentPieces.isEmpty ? 0 : max(0, octets - content.count)
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
    /// Each further destination that it goes to at the same time has two of its own, uncounted.
    var heldOctets: Int {
        facts.isInPieces ? min(facts.sizeOctets, 3 * ContentPiece.octets) : facts.sizeOctets
    }

    /// What a log line about it says beside its own: which message, whose, and the session that brought it
    /// as far as that is in memory.
    func logged(_ more: Logger.Metadata) -> Logger.Metadata {
        var metadata = more
        metadata["message_id"] = "\(facts.id)"
        metadata["tenant_id"] = "\(facts.tenant)"
        if let session = stored?.received.session.sessionID, !session.isEmpty {
            metadata["session_id"] = "\(session)"
        }
        return metadata
    }

    init(facts: MessageFacts) {
        self.facts = facts
    }
}
