package import MailModel

/// One mail transaction to be run: envelope and content.
///
/// Concurrency: value. Copies share the octets.
package struct ClientTransaction: Sendable {
    /// With the recipients of this transaction only, at least one.
    package var envelope: Envelope
    /// Header fields put before the content: Received and whatever is supplied. May be empty.
    package var prologue: [UInt8]
    /// Header and body as stored; sent with CRLF line endings whatever they are here, except when
    /// the envelope says BINARYMIME.
    package var content: [UInt8]
    /// Octets of the content behind ``content``, which come later by
    /// ``ClientSession/supplyContent(_:)``; of 8BITMIME, they are taken to be 8-bit.
    package var followingOctets: Int
    /// Whether the final dot, or the last BDAT chunk, waits for ``ClientSession/release()``.
    package var holdsEnd: Bool

    /// Creates a transaction.
    package init(
        envelope: Envelope, prologue: [UInt8] = [], content: [UInt8], followingOctets: Int = 0,
        holdsEnd: Bool = false
    ) {
        self.followingOctets = followingOctets
        self.holdsEnd = holdsEnd
        self.envelope = envelope
        self.prologue = prologue
        self.content = content
    }

    /// Octets for MAIL's SIZE (RFC 1870 section 6): CRLF counted, dot-stuffing not.
    package var sizeOctets: Int { prologue.count + content.count + followingOctets }
}
