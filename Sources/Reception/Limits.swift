/// The bounds of reception: value, unit, reason, the RFC's floor, and what a peer gets beyond.
package enum ReceptionLimits {
    /// Octets of one message. RFC 5321 section 4.5.3.1.7 asks for 64 KiB at least.
    /// Beyond: `552 5.3.4`, at MAIL when SIZE tells, else after the data.
    package static let messageOctets = 52_428_800
    /// Recipients of one transaction. RFC 5321 section 4.5.3.1.8 asks for 100 at least.
    /// Beyond: `452 4.5.3` for the recipient.
    package static let recipients = 1000
    /// Standbys that a listener may ask for before it acknowledges.
    package static let standbys = 8
    /// Messages of one session. Beyond: `421 4.7.0` to the next MAIL; the client reconnects.
    package static let messagesPerSession = 10_000
    /// Sessions of one address (IPv6: /64) on one listener. Beyond: `421 4.7.0` as greeting.
    package static let sessionsPerAddress = 200
    /// Sessions of one listener. Beyond: `421 4.3.2` as greeting.
    package static let sessionsPerListener = 10_000
    /// Sessions of all listeners. Beyond: `421 4.3.2` as greeting, or, where TLS comes first, the
    /// connection is closed.
    package static let sessions = 20_000
    /// Per cent of the descriptors that the process may have open (RLIMIT_NOFILE) which sessions may
    /// take, however many are configured: the rest is for the log, deliveries and the HTTP API.
    /// Beyond: as for ``sessions``.
    package static let descriptorPercent = 75

    /// Seconds without a command. RFC 5321 section 4.5.3.2.7 asks for 5 minutes at least.
    /// Beyond: `421 4.4.2` and the connection is closed.
    package static let commandSeconds = 300
    /// Seconds from MAIL to the beginning of the content, on a listener that takes ``recipients`` of a
    /// message; one that takes more gives more, in proportion. 3.6 s a recipient: clients that wait for
    /// each reply need that much on a bad line at most, and the envelope is in memory all the while.
    /// Content in chunks (RFC 3030) has ``dataSeconds`` more, for all of them. Beyond: `421 4.4.2`.
    package static let envelopeSeconds = 3600
    /// Seconds without any octet while a message comes in. RFC 5321 section 4.5.3.2.5 gives
    /// clients 3 minutes. Beyond: `421 4.4.2`.
    package static let dataIdleSeconds = 180
    /// Seconds that one message may take in all, whatever its rate. Beyond: `421 4.4.2`.
    package static let dataSeconds = 3600
    /// Octets a second, averaged over the message so far, below which a client that is still
    /// sending after ``dataGraceSeconds`` is cut: `421 4.4.2`. 64 KiB in 3 minutes is 364.
    package static let dataOctetsPerSecond = 100
    /// Seconds from the beginning of a message in which its rate is not looked at.
    package static let dataGraceSeconds = 180
    /// Seconds for a TLS handshake. Beyond: the connection is closed.
    package static let handshakeSeconds = 30
    /// Seconds to wait for the log before the client is told to come again: `451 4.3.0`.
    /// RFC 5321 section 4.5.3.2.6 has clients wait 10 minutes; a reply they no longer wait for
    /// becomes a duplicate, so this is far below.
    package static let appendSeconds = 240
    /// Seconds a client may leave our replies unread or its own end open after we said goodbye.
    package static let lingerSeconds = 5
    /// Octets thrown away after we said goodbye: more than a client has on the way (Linux gives a
    /// socket 6 MiB at most). Beyond: the connection is reset, and our last reply may be lost.
    package static let lingerOctets = 8 << 20

    /// Received fields in a message before it is taken for a loop: `554 5.4.6`.
    /// RFC 5321 section 6.3 asks for 100 at least.
    package static let receivedFields = 100
    /// Octets of envelopes and message content in memory, over all sessions: received, and not yet
    /// durable. Beyond: `452 4.3.1`.
    package static let messageOctetsInFlight = 536_870_912
    /// Octets of an envelope that may still grow where half of ``messageOctetsInFlight`` is taken, so
    /// that a few clients with many recipients do not take the room of all others: 100 recipients
    /// (RFC 5321 section 4.5.3.1.8) of usual length. Beyond: `452 4.3.1` for the recipient.
    package static let envelopeOctetsSmall = 16_384
    /// Octets that may wait behind an unanswered command before a session's reading stops.
    package static let inputOctetsHeld = 65_536
    /// Octets of a tenant or campaign name. Longer ones are cut at this length.
    package static let nameOctets = 128

    /// Threads that check passwords; each holds up to 128 MiB while it does.
    package static let passwordThreads = 2
    /// Password checks that may wait for a thread. Beyond: `454 4.7.0`.
    package static let passwordQueue = 64
    /// Seconds for which a password that was right need not be checked again.
    package static let passwordCacheSeconds = 300
    /// Passwords remembered at most.
    package static let passwordCacheEntries = 10_000
    /// Failed AUTH of one address within ``authenticationFailureSeconds`` after which it is
    /// refused without looking: `454 4.7.0`.
    package static let authenticationFailures = 10
    /// Seconds after which a failed AUTH is forgotten.
    package static let authenticationFailureSeconds = 600
    /// Seconds by which the reply to a failed AUTH is held back, times the number of failures.
    package static let authenticationDelaySeconds = 1
    /// The longest delay of such a reply, in seconds.
    package static let authenticationDelaySecondsMax = 5

    /// Addresses and users whose rates are remembered at most; the least recent is forgotten.
    package static let countedKeys = 100_000
}
