/// `content_received`: a piece of the content of messages is in the log.
///
/// A large message is written while it comes in, so that no other waits for it; and a large attachment
/// is a piece of its own, which other messages can have, too. The `received` that takes responsibility
/// for a message names its pieces (``MessageReceived/contentPieces``); those that none names within
/// ``ContentPiece/lifetimeMicroseconds`` belong to nobody and are dropped.
package struct ContentReceived: Equatable, Sendable {
    /// Octets of the piece as stored.
    package var sizeOctets: Int
    /// SHA-256 of the piece as stored: 32 octets.
    package var contentSHA256: [UInt8]

    /// Creates a fact.
    package init(sizeOctets: Int, contentSHA256: [UInt8]) {
        self.sizeOctets = sizeOctets
        self.contentSHA256 = contentSHA256
    }
}
