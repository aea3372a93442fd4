package import MailModel

/// How finely counters are kept.
package enum Resolution: String, CaseIterable, Hashable, Sendable {
    case minute, hour, day

    /// Minutes in a period.
    package var minutes: UInt32 {
        switch self {
        case .minute: 1
        case .hour: 60
        case .day: 1440
        }
    }

    /// Periods that are kept.
    package var kept: UInt32 {
        switch self {
        case .minute: Limits.minutesKept
        case .hour: Limits.hoursKept
        case .day: Limits.daysKept
        }
    }
}

/// What is known of one subject in all.
///
/// Concurrency: value.
package struct SubjectReport: Hashable, Sendable {
    package var key: SubjectKey
    /// Time of the first event; of a subject that was dropped and came again, since then.
    package var first: EventTime
    /// Time of the last event.
    package var last: EventTime
    package var counters: DeliveryCounters
    package var detail: OutcomeDetail
}

/// One period of a subject.
package struct PeriodReport: Hashable, Sendable {
    /// When it begins.
    package var start: EventTime
    package var counters: DeliveryCounters
}

/// A subject broken down by name.
package struct BreakdownReport: Hashable, Sendable {
    /// One of the most frequent names.
    package struct Entry: Hashable, Sendable {
        package var name: String
        package var counters: DeliveryCounters
        /// At most so many events of this name are in ``BreakdownReport/others``, because they came
        /// before it was among the most frequent; 0 when all are here.
        package var missed: Int
    }

    /// The most frequent first.
    package var entries: [Entry] = []
    /// All other names together.
    package var others = DeliveryCounters()
}

/// How often a reply was given.
package struct ReplyReport: Hashable, Sendable {
    /// Code, enhanced status and text, its variable words as `*`.
    package var text: String
    /// Never too low.
    package var count: Int
    /// At most so much too high.
    package var error: Int
}

extension Statistics {
    /// When the last event applied happened.
    package var time: EventTime { EventTime(microseconds: now) }

    /// Every subject of a kind, by tenant and name.
    package func reports(_ kind: SubjectKind) -> [SubjectReport] {
        subjects.indices
            .filter { cells[$0].isThere && subjects[$0].kind == kind }
            .compactMap { report($0) }
            .sorted { ($0.key.tenant, $0.key.name) < ($1.key.tenant, $1.key.name) }
    }

    /// One subject; nil when there is none with that key.
    package func report(_ key: SubjectKey) -> SubjectReport? { number(key).flatMap { report($0) } }

    /// A subject of a list.
    func report(_ one: Ranked) -> SubjectReport? { report(one.number) }

    /// Whether there is a subject with that key.
    func has(_ key: SubjectKey) -> Bool { number(key) != nil }

    /// What happened to a subject by period.
    ///
    /// - Parameters:
    ///   - key: The subject.
    ///   - resolution: The periods' length.
    ///   - since: The first period is the one this is in.
    ///   - until: The last period begins before this.
    /// - Returns: Ascending; periods in which nothing happened, or that are no longer kept, are not
    ///   there.
    package func periods(
        _ key: SubjectKey, _ resolution: Resolution, since: EventTime? = nil,
        until: EventTime? = nil
    ) -> [PeriodReport] {
        number(key).map { periods($0, resolution, since: since, until: until) } ?? []
    }

    private func periods(
        _ number: Int, _ resolution: Resolution, since: EventTime?, until: EventTime?
    ) -> [PeriodReport] {
        let from = since.map { Self.minute(of: $0.microseconds) / resolution.minutes } ?? 0
        var periods: [PeriodReport] = []
        let (series, chunk, open) = series(number, resolution)
        func add(_ period: UInt32, _ counters: DeliveryCounters) {
            let start = EventTime(
                microseconds: Int64(period) * Int64(resolution.minutes) * 60_000_000)
            guard period >= from, until.map({ start < $0 }) ?? true, !counters.isZero
            else { return }
            periods.append(PeriodReport(start: start, counters: counters))
        }
        series.forEach(from: from, chunkPeriods: chunk) { period, reader in
            add(period, DeliveryCounters(&reader))
        }
        add(cells[number].minute / resolution.minutes, open)
        return periods
    }

    /// The finest resolution whose periods reach back to an instant.
    package func resolution(reaching since: EventTime) -> Resolution {
        let age = minute - min(minute, Self.minute(of: since.microseconds))
        return Resolution.allCases.first { age / $0.minutes < $0.kept } ?? .day
    }

    /// What happened to a subject in a span of time, which begins with the period `since` is in: a
    /// minute for what is at most two days ago, else an hour (90 days), else a day.
    package func counters(
        _ key: SubjectKey, since: EventTime?, until: EventTime?
    ) -> DeliveryCounters {
        number(key).map { counters($0, since: since, until: until) } ?? DeliveryCounters()
    }

    func counters(_ number: Int, since: EventTime?, until: EventTime?) -> DeliveryCounters {
        if since == nil, until.map({ $0 > time }) ?? true { return total(number) }
        let resolution = since.map { self.resolution(reaching: $0) } ?? .day
        var sum = DeliveryCounters()
        for period in periods(number, resolution, since: since, until: until) {
            sum += period.counters
        }
        return sum
    }

    /// What happened to a subject in all.
    func total(_ number: Int) -> DeliveryCounters {
        var counters = subjects[number].closedCounters
        counters += subjects[number].dayCounters
        counters += subjects[number].hourCounters
        counters += cells[number].counters
        return counters
    }

    /// Bounce classes and times to delivery of a span of time, by whole hours.
    ///
    /// - Returns: nil when there is no such subject, or its kind keeps them in total only and a
    ///   span is asked for.
    package func detail(_ key: SubjectKey, since: EventTime?, until: EventTime?) -> OutcomeDetail? {
        guard let number = number(key) else { return nil }
        if since == nil, until.map({ $0 > time }) ?? true { return report(key)?.detail }
        guard key.kind.detailHoursKept > 0 else { return nil }
        let from = since.map { Self.minute(of: $0.microseconds) / 60 } ?? 0
        let before = until.map { Self.minute(of: $0.microseconds &+ 3_599_999_999) / 60 } ?? .max
        var sum = OutcomeDetail()
        let subject = subjects[number]
        subject.details.forEach(from: from, chunkPeriods: Subject.hoursInChunk) { hour, reader in
            let detail = OutcomeDetail(&reader)
            if hour >= from, hour < before { sum += detail }
        }
        if subject.hour >= from, subject.hour < before { sum += subject.openDetail }
        return sum
    }

    /// A tenant or campaign by recipients' domains; nil when there is no such subject.
    package func domains(of key: SubjectKey) -> BreakdownReport? {
        number(key).map { report(subjects[$0].domains) }
    }

    /// A tenant, campaign or source address by receiving providers; nil when there is no such
    /// subject.
    package func providers(of key: SubjectKey) -> BreakdownReport? {
        number(key).map { report(subjects[$0].providers) }
    }

    /// The replies of failed attempts, the most frequent first.
    package func replies(of key: SubjectKey) -> [ReplyReport] {
        guard let number = number(key) else { return [] }
        let replies = subjects[number].replies
        return replies.order(names).map { index in
            ReplyReport(
                text: String(decoding: names[replies.names[index]], as: UTF8.self),
                count: replies.counts[index], error: replies.errors[index])
        }
        .sorted { ($1.count, $0.text) < ($0.count, $1.text) }
    }

    /// Messages with at least one recipient that is not final.
    package var liveMessages: Int { live.count }

    // MARK: Inside

    func number(_ key: SubjectKey) -> Int? {
        keys.find(SubjectKeyBytes.bytes(key)[...]).map { Int($0) }
    }

    private func report(_ number: Int) -> SubjectReport? {
        let subject = subjects[number]
        guard let key = SubjectKeyBytes.key(subject.key) else { return nil }
        var detail = subject.closedDetail
        detail += subject.openDetail
        return SubjectReport(
            key: key, first: EventTime(microseconds: subject.firstAt),
            last: EventTime(microseconds: cells[number].lastAt), counters: total(number),
            detail: detail)
    }

    private func report(_ breakdown: Breakdown) -> BreakdownReport {
        var report = BreakdownReport(others: breakdown.others)
        report.entries = breakdown.top.order(names)
            .sorted { breakdown.top.counts[$1] < breakdown.top.counts[$0] }
            .map { index in
                BreakdownReport.Entry(
                    name: String(decoding: names[breakdown.top.names[index]], as: UTF8.self),
                    counters: breakdown.counters[index], missed: breakdown.top.errors[index])
            }
        return report
    }

    /// The closed periods, periods in a chunk, and the counters of the open one.
    private func series(
        _ number: Int, _ resolution: Resolution
    ) -> (PeriodSeries, UInt32, DeliveryCounters) {
        let subject = subjects[number]
        var open = cells[number].counters
        switch resolution {
        case .minute: return (subject.minutes, Subject.minutesInChunk, open)
        case .hour:
            open += subject.hourCounters
            return (subject.hours, Subject.hoursInChunk, open)
        case .day:
            open += subject.hourCounters
            open += subject.dayCounters
            return (subject.days, Subject.daysInChunk, open)
        }
    }
}
