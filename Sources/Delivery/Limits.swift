/// The bounds of delivery: value, unit, reason.
package enum Limits {
    /// Connections to one destination at a time (PowerMTA and Postfix: 20).
    package static let connectionsPerDestination = 20
    /// Connections that a destination gets before one of them has worked (Postfix: 5); each
    /// established connection allows one more.
    package static let initialConnections = 5
    /// Outgoing connections in all: each costs a file descriptor and about 20 KiB.
    package static let connectionsInAll = 500
    /// Messages over one connection before it is ended, so that load balancers can balance.
    package static let messagesPerConnection = 1000
    /// RCPT commands in one transaction; RFC 5321 section 4.5.3.1.8 has a server take 100.
    package static let recipientsPerTransaction = 100
    /// Addresses tried for one connection (Postfix's smtp_mx_address_limit).
    package static let addressesPerConnection = 5
    /// Microseconds a connection is kept open without work; half a minute would be impolite to
    /// servers with few sessions, less than a few seconds loses bursts (Postfix: 2 s).
    package static let idleMicroseconds: Int64 = 5_000_000
    /// Octets of fresh messages kept in memory for their first attempt; what is beyond it is read
    /// back from the log.
    package static let contentMemoryOctets = 256 << 20
    /// Octets of messages read back from the log that are in memory at a time: without it every
    /// connection could hold a message of the largest size. Beyond it a read waits until a
    /// transaction is over, its connection with it; a message larger than all of it is read alone.
    package static let readMemoryOctets = 256 << 20
    /// Groups of recipients that are ready and wait for a connection; what is beyond it stays with
    /// the schedule, at about 40 octets a recipient.
    package static let readyGroups = 50_000
    /// Batches of the log kept decoded for messages that are read back.
    package static let cachedBatches = 8
    /// Pieces of contents kept in memory for messages that are read back, of one MiB at most each.
    package static let cachedPieces = 8
    /// Overdue groups taken from the schedule in one turn of the event loop, so that a start with a
    /// million waiting recipients does not stall connections.
    package static let groupsPerTurn = 1000
    /// Events in one append; more outcomes make more appends.
    package static let eventsPerAppend = 500
    /// Octets of notifications in one append.
    package static let noticeOctetsPerAppend = 4 << 20
    /// Octets of notifications that wait to become durable. Beyond it a notification returns the header
    /// of its message alone.
    package static let waitingNoticeOctets = 64 << 20
    /// Octets of a body handed to the socket at a time; larger messages wait for it to drain.
    package static let bodyWindowOctets = 256 << 10
    /// How often a group goes back to the queue without an event because a reused connection had
    /// ended; then it counts as an attempt.
    package static let silentRetries = 2
    /// Microseconds after which an append that failed (disk full) is tried again.
    package static let appendRetryMicroseconds: Int64 = 2_000_000
    /// Microseconds a host whose TLS handshake failed is spoken to in clear, where the route allows.
    package static let brokenTLSMicroseconds: Int64 = 3_600_000_000
    /// Microseconds an address that did not answer is tried last.
    package static let deadAddressMicroseconds: Int64 = 120_000_000
    /// Hosts and addresses of which something is remembered.
    package static let rememberedHosts = 10_000
    /// Domains whose destination is remembered, so that it need not be worked out each time.
    package static let rememberedDomains = 50_000
    /// After which the clock is looked at again while something waits for an instant: somebody may have
    /// set it.
    package static let clockLookMicroseconds: Int64 = 10_000_000
    /// Microseconds between two looks at timeouts, idle connections and backoffs: their precision.
    package static let sweepMicroseconds: Int64 = 1_000_000
    /// Microseconds after its backoff at which a destination without mail is forgotten.
    package static let forgetMicroseconds: Int64 = 3_600_000_000
    /// Microseconds that outcomes get to become durable after the deadline of a stop: a log that
    /// cannot be written to must not keep the process alive.
    package static let durabilityGraceMicroseconds: Int64 = 5_000_000
    /// Threads that read messages back from the log.
    package static let readerThreads = 2
}
