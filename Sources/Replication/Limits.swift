/// The limits of replication, in one place.
package enum ReplicationLimits {
    /// Version of what is said over a link.
    package static let protocolVersion: UInt32 = 1

    /// Octets of one frame; a longer one ends the connection. One append and its frame's tables fit.
    package static let frameOctets = 192 << 20

    /// Octets of batches that are sent in one frame, about: enough for the standby to commit them
    /// together when it is behind.
    package static let batchesOctets = 1 << 20

    /// Octets of a segment's file in one frame.
    package static let pieceOctets = 512 << 10

    /// Segments of a ``FetchPlan`` that are remembered, the last ones: a line of the file each.
    package static let segmentsRemembered = 10_000

    /// Octets that may wait at one end of a link to be worked on; then it stops reading, and the
    /// other end's writes wait.
    package static let inboxOctets = 16 << 20

    /// Milliseconds between two signs of life.
    package static let heartbeatMilliseconds: Int64 = 1_000

    /// Milliseconds without any sign of life after which a link is given up.
    package static let silenceMilliseconds: UInt64 = 10_000

    /// Milliseconds for a connection and its TLS handshake.
    package static let connectMilliseconds: Int64 = 10_000

    /// Milliseconds for the answer to a question.
    package static let answerMilliseconds = 10_000

    /// Milliseconds before a standby dials again, at first and at most; doubled each time.
    package static let retryMilliseconds: (first: UInt64, most: UInt64) = (200, 5_000)

    /// Milliseconds that a standby waits for the site it follows, before it follows a primary of the same
    /// epoch that it knows of elsewhere: what a restart or a broken link takes.
    package static let sourceAwayMilliseconds: UInt64 = 10_000

    /// Milliseconds that a standby waits until a standby that it follows has the epoch that is open
    /// elsewhere in its log, before it follows the primary itself.
    package static let sourceBehindMilliseconds: UInt64 = 5_000

    /// Milliseconds for which what a site has said of itself counts: it is asked every second.
    package static let wordMilliseconds: UInt64 = 10_000

    /// Milliseconds between two looks at whom to follow.
    package static let sourceLookMilliseconds = 200

    /// Sites that are asked again and again how they stand; each has a thread.
    package static let askedSites = 16

    /// Segments that a standby fetches side by side.
    package static let fetches = 4

    /// Links that a site takes at once; more are closed.
    package static let links = 64

    /// Octets of a site's name: it may be a host name. Beyond, the link and the configuration are refused.
    package static let siteOctets = 255

    /// The highest epoch there can be: each change of the primary takes one, and one more must always be
    /// possible. Beyond, the link is refused.
    package static let epochMax: UInt32 = 1 << 31
}
