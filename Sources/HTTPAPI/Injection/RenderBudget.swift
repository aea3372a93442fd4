/// Octets that may still be rendered: of one message, and of all messages of its request.
///
/// Concurrency: value.
struct RenderBudget {
    /// Of the message.
    var message: Int
    /// Of the request. What was rendered for a recipient that is refused then counts, too: it was
    /// work all the same.
    var request: Int

    /// Pays for a piece of so many octets; throws when it is more than is left, and takes nothing.
    mutating func take(_ octets: Int) throws(RenderingError) {
        let counted = max(octets, APILimits.templatePieceOctets)
        guard octets <= message else { throw .messageTooLarge }
        guard counted <= request else { throw .requestTooLarge }
        message -= octets
        request -= counted
    }
}

/// Why a message cannot be rendered.
///
/// Concurrency: value.
enum RenderingError: Error, Equatable {
    /// The recipient does not have the value of this name.
    case missing(String)
    /// The message would have more octets than one may have.
    case messageTooLarge
    /// The messages of the request would have more octets than those of one may have.
    case requestTooLarge
}
