import BenchmarkSupport
import EventLog
import MailEvents
import MailModel
import MailProjections

/// The same questions answered from tables of SQLite: what waits for delivery, and counts by hour of
/// campaigns, tenants, domains, providers and source addresses, with bounce classes and times to
/// delivery.
///
/// Events arrive as folds get them, through the log's reader and visitor. Names are given numbers
/// once a batch, as our own fold does, so that every table has numbers for keys.
///
/// Concurrency: bound to the function that makes it.
struct SQLiteFold: EventVisitor {
    /// Events of one transaction.
    private static let eventsOfTransaction = 100_000
    private static let opening = [
        "PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", "PRAGMA cache_size = -262144",
        "PRAGMA locking_mode = EXCLUSIVE", "PRAGMA temp_store = MEMORY",
        "CREATE TABLE message (sequence INTEGER PRIMARY KEY, received INTEGER NOT NULL,"
            + " open INTEGER NOT NULL, octets INTEGER NOT NULL, tenant INTEGER NOT NULL,"
            + " campaign INTEGER NOT NULL)",
        "CREATE TABLE recipient (message INTEGER NOT NULL, number INTEGER NOT NULL,"
            + " local TEXT NOT NULL, domain INTEGER NOT NULL, attempts INTEGER NOT NULL,"
            + " due INTEGER NOT NULL, PRIMARY KEY (message, number)) WITHOUT ROWID",
    ]

    private let waiting: SQLiteWaiting
    private var counts: SQLiteCounts
    private var names: SQLiteNames
    private(set) var applied = 0
    /// What went wrong first; nothing is applied afterwards.
    private(set) var failure: SQLiteError?

    /// Folds a log into a new database and prints what it took.
    static func run(_ options: YearOptions) throws {
        let reader = try LogReader.open(directory: options.directory)
        let database = try SQLiteDatabase(
            path: options.database, opening + SQLiteCounts.tables + SQLiteNames.tables)
        let begin = try SQLiteStatement("BEGIN", database)
        let commit = try SQLiteStatement("COMMIT", database)
        let watch = Stopwatch()
        var fold = try SQLiteFold(database, addsUpFirst: options.addsUpFirst)
        var committed = 0
        try begin.run()
        try reader.forEachBatch { batch in
            try MailEventDecoder.visit(
                batch.bytes, firstSequence: batch.firstSequence, epoch: batch.epoch,
                firstTime: batch.firstTime, &fold)
            if let failure = fold.failure { throw failure }
            if fold.applied - committed >= eventsOfTransaction {
                committed = fold.applied
                try fold.counts.flush()
                try commit.run()
                try begin.run()
            }
            return fold.applied < options.events
        }
        try fold.counts.flush()
        try commit.run()
        watch.print("sqlite", events: UInt64(fold.applied)) { writer in
            writer.bool(options.addsUpFirst, "adds_up_first")
            writer.number(fold.waiting.statements + fold.counts.statements, "statements")
            writer.string(SQLiteDatabase.libraryVersion, "sqlite")
        }
    }

    private init(_ database: SQLiteDatabase, addsUpFirst: Bool) throws(SQLiteError) {
        waiting = try SQLiteWaiting(database)
        counts = try SQLiteCounts(database, addsUpFirst: addsUpFirst)
        names = try SQLiteNames(database)
    }

    mutating func begin(_ texts: BatchTexts) { names.begin(texts) }

    mutating func visit(_ event: EventView) {
        guard failure == nil else { return }
        applied += 1
        do throws(SQLiteError) {
            try apply(event)
        } catch {
            failure = error
        }
    }

    private mutating func apply(_ event: EventView) throws(SQLiteError) {
        counts.hour = event.time / 3_600_000_000
        switch EventType(rawValue: event.type) {
        case .received:
            let tenant = try names.number(.tenant, event.tenantText)
            let campaign = try names.number(.campaign, event.campaignText, of: event.tenantText)
            try waiting.insert(event, tenant: tenant, campaign: campaign)
            for subject in [SQLiteNames.server, tenant, campaign] {
                try counts.add(.received, subject)
                try counts.add(.octets, subject, Int64(event.sizeOctets))
            }
        case .queued:
            let domain = try names.number(.domain, event.domainText)
            try waiting.queue(event, local: names.text(event.localText), domain: domain)
            for subject in try subjects(event) { try counts.add(.queued, subject) }
        case .delivered: try outcome(event, .delivered)
        case .deferred:
            try waiting.postpone(event)
            try outcome(event, .deferred)
        case .bounced: try outcome(event, .bounced)
        case .expired: try outcome(event, .expired)
        default: break
        }
    }

    private mutating func outcome(
        _ event: EventView, _ column: SQLiteCounts.Column
    ) throws(SQLiteError) {
        var subjects = try subjects(event)
        if event.mxHostText != 0 {
            subjects.append(try names.number(.provider, event.mxHostText))
        }
        if event.sourceAddressText != 0 {
            subjects.append(try names.number(.source, event.sourceAddressText))
        }
        for subject in subjects {
            try counts.add(column, subject)
            if event.attempt > 1 { try counts.add(.retries, subject) }
            if column != .delivered {
                try counts.addClass(event.bounceClass, isFinal: column != .deferred, subject)
            }
        }
        guard column != .deferred else { return }
        guard let received = try waiting.finish(event), column == .delivered else { return }
        let milliseconds = (event.time - received) / 1000
        for subject in subjects { try counts.addTime(milliseconds, subject) }
    }

    /// Whom an event about a recipient is counted for.
    private mutating func subjects(_ event: EventView) throws(SQLiteError) -> [Int64] {
        [
            SQLiteNames.server, try names.number(.tenant, event.tenantText),
            try names.number(.campaign, event.campaignText, of: event.tenantText),
            try names.number(.domain, event.domainText),
        ]
    }
}
