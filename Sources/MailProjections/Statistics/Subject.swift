import Projections

/// The minute in which a subject was last seen: what an event changes first.
///
/// Apart from ``Subject``, so that the counters of all that is busy lie close together.
///
/// Concurrency: value.
struct OpenMinute: Sendable {
    /// Minutes since the Unix epoch.
    var minute: UInt32
    /// Whether the subject's rows differ from the last checkpoint's.
    var isChanged = true
    /// Whether the last checkpoint has the subject.
    var isSaved = false
    /// False for a place whose subject was dropped.
    var isThere = true
    /// Time of the last event, microseconds since the epoch.
    var lastAt: Int64
    /// Days without an event after which the subject goes; nothing is that long for one that stays.
    let idleDays: UInt32
    /// No period of the subject is too old before this day. Days since the epoch; not part of the state.
    var dropDay: UInt32 = 0
    var counters = DeliveryCounters()

    /// A minute in which nothing has happened yet.
    init(
        _ kind: SubjectKind, minute: UInt32, lastAt: Int64, isChanged: Bool = true,
        isSaved: Bool = false
    ) {
        self.minute = minute
        self.isChanged = isChanged
        self.isSaved = isSaved
        self.lastAt = lastAt
        idleDays = kind.idleDaysMaximum ?? .max
    }

    /// Counts something that happens now, in the open minute.
    @inline(__always)
    mutating func count(_ now: Int64, _ body: (inout DeliveryCounters) -> Void) {
        isChanged = true
        lastAt = now
        body(&counters)
    }

    /// Begins a minute. What was recorded of the one before is kept for as long as minutes are, or
    /// longer.
    mutating func begin(_ minute: UInt32) {
        dropDay = min(dropDay, self.minute / 1440 + Limits.minutesKept / 1440)
        self.minute = minute
        counters = DeliveryCounters()
    }
}

/// What is kept of one subject beside its open minute.
///
/// Counters move on as time does: from the open minute to its entry and to the open hour, from there
/// to the hour's entry and the open day, from there to the day's entry and the total. A minute's
/// entry is written once, so that a checkpoint only adds to what it wrote before.
///
/// Concurrency: value.
struct Subject: Sendable {
    /// Periods in a row: minutes of an hour, hours of a day, days of 32 days, hours of a day.
    static let minutesInChunk: UInt32 = 60
    static let hoursInChunk: UInt32 = 24
    static let daysInChunk: UInt32 = 32

    let kind: SubjectKind
    /// See ``SubjectKeyBytes``.
    let key: [UInt8]
    /// Whether replies are counted, and domains and providers where the kind has them.
    let hasBreakdowns: Bool
    /// Time of the first event, microseconds since the epoch.
    var firstAt: Int64
    /// The hour that ``hourCounters`` is of; hours since the epoch.
    var hour: UInt32
    /// Of the hour, less the open minute.
    var hourCounters = DeliveryCounters()
    /// Of the hour's day, less the hour.
    var dayCounters = DeliveryCounters()
    /// Of all days before.
    var closedCounters = DeliveryCounters()

    var minutes = PeriodSeries()
    var hours = PeriodSeries()
    var days = PeriodSeries()
    /// ``OutcomeDetail`` by hour.
    var details = PeriodSeries()

    /// Of the hour; for kinds without details by hour, of all time.
    var openDetail = OutcomeDetail()
    /// Of all hours before.
    var closedDetail = OutcomeDetail()

    var domains = Breakdown()
    var providers = Breakdown()
    var replies = SpaceSaving()

    /// A subject that is seen for the first time.
    init(
        kind: SubjectKind, key: [UInt8], firstAt: Int64, minute: UInt32, hasBreakdowns: Bool
    ) {
        self.kind = kind
        self.key = key
        self.hasBreakdowns = hasBreakdowns
        self.firstAt = firstAt
        hour = minute / 60
    }

    /// Closes the open minute, and with it the hour and the day if they are over.
    mutating func close(_ open: OpenMinute, next minute: UInt32) {
        if !open.counters.isZero {
            minutes.append(open.minute, chunkPeriods: Self.minutesInChunk) { row in
                open.counters.write(to: &row)
            }
            hourCounters += open.counters
        }
        let nextHour = minute / 60
        guard nextHour != hour else { return }
        if !hourCounters.isZero {
            hours.append(hour, chunkPeriods: Self.hoursInChunk) { hourCounters.write(to: &$0) }
            dayCounters += hourCounters
            hourCounters = DeliveryCounters()
        }
        if kind.detailHoursKept > 0, !openDetail.isEmpty {
            details.append(hour, chunkPeriods: Self.hoursInChunk) { openDetail.write(to: &$0) }
            closedDetail += openDetail
            openDetail.clear()
        }
        if nextHour / 24 != hour / 24, !dayCounters.isZero {
            days.append(hour / 24, chunkPeriods: Self.daysInChunk) { dayCounters.write(to: &$0) }
            closedCounters += dayCounters
            dayCounters = DeliveryCounters()
        }
        hour = nextHour
    }

    /// Drops what is older than is kept.
    ///
    /// - Returns: Whether anything was dropped.
    mutating func dropOld(minute: UInt32) -> Bool {
        func start(_ now: UInt32, _ kept: UInt32) -> UInt32 { now > kept ? now - kept : 0 }
        let before = chunkCount
        minutes.drop(
            before: start(minute, Limits.minutesKept), chunkPeriods: Self.minutesInChunk)
        hours.drop(before: start(minute / 60, Limits.hoursKept), chunkPeriods: Self.hoursInChunk)
        days.drop(before: start(minute / 1440, Limits.daysKept), chunkPeriods: Self.daysInChunk)
        details.drop(
            before: start(minute / 60, kind.detailHoursKept), chunkPeriods: Self.hoursInChunk)
        return chunkCount != before
    }

    /// The first day on which ``dropOld(minute:)`` may find something, unless something is recorded
    /// before; days since the epoch.
    var dropDay: UInt32 {
        func day(_ series: PeriodSeries, _ chunkMinutes: UInt32, _ keptMinutes: UInt32) -> UInt32 {
            guard series.oldestChunk < .max else { return .max }
            let end = (UInt64(series.oldestChunk) + 1) * UInt64(chunkMinutes) + UInt64(keptMinutes)
            return UInt32(clamping: end / 1440)
        }
        return min(
            day(minutes, Self.minutesInChunk, Limits.minutesKept),
            day(hours, Self.hoursInChunk * 60, Limits.hoursKept * 60),
            day(days, Self.daysInChunk * 1440, Limits.daysKept * 1440),
            day(details, Self.hoursInChunk * 60, kind.detailHoursKept * 60))
    }

    private var chunkCount: Int {
        minutes.chunkCount + hours.chunkCount + days.chunkCount + details.chunkCount
    }

    /// Lets go of the names in its breakdowns.
    mutating func releaseNames(_ pool: inout NamePool) {
        domains.releaseAll(&pool)
        providers.releaseAll(&pool)
        replies.releaseAll(&pool)
    }
}
