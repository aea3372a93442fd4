/// What this layer bounds.
enum Limits {
    /// Octets kept of a reply's text in the queue; the log has all of it. Changing this changes
    /// the queue's digest, hence its version.
    static let replyTextOctetsMaximum = 1024
    /// A recipient's number is less than this; the log holds no greater one.
    static let recipientNumbersMaximum = 1 << 24
    /// Suspensions that the queue keeps: far more than people set, few enough to look through. Each
    /// takes some 200 octets. A `suspended` beyond it changes nothing.
    static let suspensionsMaximum = 10_000
    /// Suppressed addresses that are kept, some 250 octets each: about a gigabyte, all of the
    /// addresses that a large sender has ever given up. A `suppressed` beyond it changes nothing.
    static let suppressionsMaximum = 4_000_000
    /// Events after which the mark of the suppressions is written though nothing has changed: a start
    /// reads no more than that again, a few tenths of a second.
    static let eventsBetweenSuppressionCheckpoints: UInt64 = 1_000_000
    /// Octets kept of a reason and of an actor; the log has all of them.
    static let reasonOctetsMaximum = 1024
    /// Recipients in one row of the queue: bounds what one changed recipient rewrites.
    static let recipientsPerRow = 32
    /// Octets that a new row of the queue has room for: a message with one recipient, so that it is one
    /// allocation.
    static let rowOctets = 128
    /// Removed rows whose storage is kept for new ones, some ten kilobytes.
    static let spareRows = 64

    // Statistics. Changing one of these changes their digest, hence their version.

    /// Minutes kept one by one: two days. What a graph of a campaign's first days is drawn from.
    static let minutesKept: UInt32 = 2 * 1440
    /// Hours kept one by one: 90 days.
    static let hoursKept: UInt32 = 90 * 24
    /// Days kept one by one: two years, so that a season can be compared with the one before.
    static let daysKept: UInt32 = 730
    /// Hours for which bounce classes and times to delivery of clients, providers and sources are
    /// kept hour by hour: a week, the longest window that reputation is judged on, and a day.
    static let detailHoursKept: UInt32 = 8 * 24
    /// A campaign is dropped after so many days without an event.
    static let campaignIdleDays: UInt32 = 90
    /// A provider or source address is dropped after so many days without an event.
    static let providerIdleDays: UInt32 = 90
    /// A domain is dropped after so many days without an event.
    static let domainIdleDays: UInt32 = 30
    /// Tenants with statistics of their own; more are counted together. About 10 KB each.
    static let tenantsMaximum = 10_000
    /// The same for campaigns: a client that names a new one with every message must not fill the
    /// memory. About 8 KB each when in full use: 400 MB.
    static let campaignsMaximum = 50_000
    /// The same for recipients' domains. About 2 KB each.
    static let domainsMaximum = 20_000
    /// The same for receiving providers. About 10 KB each, and 30 KB in the busiest.
    static let providersMaximum = 5000
    /// The same for our own source addresses.
    static let sourcesMaximum = 5000
    /// The same for our own source addresses at each receiving provider. About 2 KB each.
    static let routesMaximum = 20_000
    /// Domains that a campaign or client is broken down by; the rest is counted together.
    static let domainsPerSubject = 40
    /// Providers that a campaign, client or source address is broken down by.
    static let providersPerSubject = 20
    /// Replies counted for each subject.
    static let repliesPerSubject = 20
    /// Tenants with lines of their own in metrics: ten lines each, two megabytes in all. Not part of
    /// the state.
    static let tenantsInMetrics = 1000
    /// The same for receiving providers. Not part of the state.
    static let providersInMetrics = 500
    /// Octets of a name in a key, of which an LMDB key (511) holds two; a longer name is cut.
    static let nameOctetsMaximum = 240
    /// Octets of a reply's pattern.
    static let replyPatternOctetsMaximum = 160
    /// The longest time to delivery that is told apart, milliseconds (about 34 years).
    static let latencyMillisecondsMaximum: Int64 = 1 << 40
    /// Numbers of bounce classes; the log's go to 17.
    static let bounceClassNumbersMaximum = 64
    /// Authenticated identities whose tenant is remembered, so that a refused command can be
    /// counted for it.
    static let identitiesMaximum = 10_000

    // History. Changing one of these changes its digest, hence its version.

    /// A chunk of the index has 2 to the power of so many sequences. Small enough that the open one
    /// is looked through in well under a millisecond, large enough that a hundred million events
    /// are a few hundred chunks to look into.
    static let historyChunkBits: UInt64 = 18
    /// Octets of a piece of a sealed chunk: with its checksum and LMDB's header just one page.
    static let historyPieceOctets = 4072
    /// Postings of 8 octets in one row of the open chunk, which with checksum and header take just
    /// eight pages: few enough that a checkpoint may rewrite the last row of each kind, so many that
    /// all of them are read in one go each.
    static let historyBlockPostings = 4093
    /// A message can be found by recipient, sender, campaign, tenant and domain for 400 days: a year
    /// and a month more, so that a season can be compared with the one before.
    static let historyDaysKept: Int64 = 400
    static let historyMicrosecondsKept = historyDaysKept * 86_400_000_000
    /// Events that an answer may have to be computed from because the index lacks them: some tenths of
    /// a second of work. With more, the index is said to be in the making.
    static let historyTailMaximum: UInt64 = 1_000_000
    /// Batches that one query keeps inflated, some hundred kilobytes each in a busy log.
    static let fetchedBatchesMaximum = 32
    /// Messages looked at together for a list: their events stand in the same batches.
    static let messagesPerRead = 64
    /// Recipients of the messages whose events are read together, some hundred octets an event.
    static let recipientsPerRead = 10_000
    /// A page of a list ends with the message that brings its events to so many, some hundred
    /// megabytes: mailings to thousands of recipients fill it before its limit of messages does.
    static let eventsPerPage = 100_000
    /// Events that a list without a filter reads back at most for one page.
    static let eventsReadBackMaximum: UInt64 = 1_000_000
}
