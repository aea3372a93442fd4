/// The bounds of the HTTP API: value, unit, reason, and what a client gets beyond.
package enum APILimits {
    /// Octets of one request's body, after decompression. Base 64 makes a 50 MiB message 67 MiB.
    /// Beyond: 413.
    package static let bodyOctets = 80 << 20
    /// Values of one JSON body, those within others counted: enough for 10,000 recipients with a
    /// hundred substitutions each. One may be two octets of the body and takes about a hundred of
    /// memory while the body is read. Beyond: 413.
    package static let bodyValues = 1 << 20
    /// Octets of the messages that one request makes, all recipients together: they become one
    /// append, which the log bounds at 128 MiB. Beyond: 413.
    package static let renderedOctets = 96 << 20
    /// Octets that a text or value counts as at least where ``renderedOctets`` are counted while
    /// messages are made: a place for an empty value is work, too. Beyond those: 413.
    static let templatePieceOctets = 8
    /// Texts and places for values in one template, each of which takes some 64 octets of memory. Beyond:
    /// 413.
    static let templatePieces = 1 << 18
    /// Octets of one message, as for SMTP. Beyond: 413.
    package static let messageOctets = 52_428_800
    /// Recipients of one request. Beyond: 413.
    package static let recipients = 10_000
    /// Octets of request bodies and rendered messages in memory, over all requests.
    /// Beyond: 503 `overloaded`.
    package static let octetsInFlight = 536_870_912

    /// Connections at a time. Beyond: they wait in the kernel's backlog.
    package static let connections = 1000
    /// Octets of the control socket's path: the kernel takes 107, and it is first bound at one that is 4
    /// longer.
    package static let socketPathOctets = 103
    /// Connections at a time to the control socket. Beyond: they wait in the kernel's backlog.
    package static let controlConnections = 100
    /// Event streams at a time. Beyond: 503 `overloaded`.
    package static let streams = 100
    /// Seconds without an octet before a connection without a request is closed.
    package static let idleSeconds = 60
    /// Seconds to wait for the log before the client is told to come again: 503 `not-recorded`.
    package static let appendSeconds = 240

    /// Octets of a request's header fields together, and of one. Beyond: 400.
    package static let headerOctets = 32_768
    /// Fields of a request's header. Beyond: 400.
    package static let headerFields = 200
    /// Errors named in one answer; the rest are not looked for.
    package static let errorsListed = 20

    /// Octets of a tenant's or campaign's name, as in SMTP. Beyond: 422.
    package static let nameOctets = 128
    /// Octets of an idempotency key. Beyond: 422.
    package static let idempotencyKeyOctets = 255
    /// Idempotency keys remembered; the oldest is forgotten, unless its request is being worked on.
    package static let idempotencyKeys = 100_000
    /// Uses of idempotency keys that are over and still noted, beyond two for each key remembered:
    /// then they are tidied away. No client sees it.
    static let idempotencyRemains = 1024
    /// Seconds for which an idempotency key is remembered.
    package static let idempotencySeconds: Int64 = 24 * 3600
    /// Substitutions of one recipient, and of a request. Beyond: 422.
    package static let substitutions = 1000

    /// Octets of a recipient's or a request's metadata: it stands in every `received`.
    /// Beyond: 422.
    package static let metadataOctets = 4096

    /// Octets of an order's body. Beyond: 413.
    package static let orderOctets = 65_536
    /// Seconds that a suspension or suppression may be given to last; a hundred years. Beyond: 422.
    package static let orderSeconds: Int64 = 3_155_760_000
    /// Rows of a page of the queue's groups, and of its suspensions. Beyond: 400.
    package static let rowsPerPage = 10_000
    /// Octets of a list of suppressions, inflated: some ten million of them. Beyond: 413, and what
    /// came before it is in force.
    package static let importOctets = 1 << 30
    /// Octets of one line of it. Beyond: 413, likewise.
    package static let importLineOctets = 8192
    /// Octets that one piece of a request's body may inflate to while it is read line by line.
    /// Beyond: 413.
    package static let importPieceOctets = 8 << 20
    /// Octets of a report (RFC 5965), with what it returns of the message. Beyond: 413.
    package static let reportOctets = 1 << 20

    /// Octets of events gathered before they are written to a consumer. Twice that is what a slow
    /// consumer costs, beside the socket's own buffer: what is being written, and what comes next.
    package static let streamChunkOctets = 262_144
    /// Octets that the last event of a piece mostly fits in.
    package static let streamEventOctets = 4096
    /// Events looked at in one go before the consumer's connection is looked at again.
    package static let streamChunkEvents = 50_000
    /// Seconds between heartbeats of a stream that has nothing to say: a consumer that is gone is
    /// found, and proxies keep the connection.
    package static let heartbeatSeconds = 15
    /// Threads that read the log for requests.
    package static let readerThreads = 2
    /// Messages on one page of a list. Beyond: 400.
    package static let messagesPerPage = 1000
    /// Messages on a page that does not say how many.
    package static let messagesPerPageUnsaid = 50
    /// Messages looked at for one page: a question that few of them match is answered in pieces, each
    /// in well under a second.
    package static let messagesExamined = 5000
    /// Recipients of one message that a list shows; the message itself shows all.
    package static let recipientsListed = 20
    /// Seconds after which a client should try again what was refused for now.
    package static let retryAfterSeconds = 10

    /// Rows of one answer. Beyond: 400; ask for the next page.
    package static let rows = 10_000
    /// Rows of an answer when the request does not say, as on the command line.
    package static let rowsUnlessAsked = 50
    /// Campaigns that one is compared with. Beyond: 400.
    package static let comparedCampaigns = 20
    /// How often, and how many milliseconds apart, it is looked whether the statistics have come to the
    /// log's end before a command is answered: a second in all. Beyond: the command reads the files.
    static let commandLooks = 500
    static let commandLookMilliseconds = 2
    /// Questions about an earlier state that may wait: each takes up to a second of one thread.
    /// Beyond: 503 `overloaded`.
    package static let pastQuestions = 8

    /// Keys in the file of keys. Beyond: the file is refused.
    package static let keys = 10_000
}
