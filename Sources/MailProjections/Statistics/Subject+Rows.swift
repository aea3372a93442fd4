import Projections

/// Which of a subject's rows: the octet after its key. Series have the chunk's number after it, big
/// end first.
enum SubjectRow: UInt8 {
    case main = 0
    case minutes = 1
    case hours = 2
    case days = 3
    case details = 4
}

extension Subject {
    /// The key of one of the rows.
    func rowKey(_ row: SubjectRow, _ number: UInt32 = 0) -> [UInt8] {
        var bytes = [UInt8]()
        bytes.reserveCapacity(key.count + 5)
        bytes += key
        bytes.append(row.rawValue)
        guard row != .main else { return bytes }
        for shift in [24, 16, 8, 0] as [UInt32] {
            bytes.append(UInt8(truncatingIfNeeded: number >> shift))
        }
        return bytes
    }

    private var series: [(row: SubjectRow, series: PeriodSeries)] {
        [(.minutes, minutes), (.hours, hours), (.days, days), (.details, details)]
    }

    /// All rows, ascending by key.
    func forEachRow(
        _ open: OpenMinute, _ pool: NamePool, _ body: (ProjectionRow) throws -> Void
    ) rethrows {
        try body(ProjectionRow(key: rowKey(.main), value: mainRow(open, pool)))
        for (row, series) in series {
            for chunk in series.chunks {
                try body(ProjectionRow(key: rowKey(row, chunk.number), value: chunk.bytes))
            }
        }
    }

    /// The rows that differ from those of the last checkpoint.
    mutating func takeChanges(_ open: OpenMinute, _ pool: NamePool) -> [ProjectionChange] {
        var changes = [ProjectionChange(key: rowKey(.main), value: mainRow(open, pool))]
        func add(_ row: SubjectRow, _ chunks: [(number: UInt32, bytes: [UInt8]?)]) {
            for chunk in chunks {
                changes.append(ProjectionChange(key: rowKey(row, chunk.number), value: chunk.bytes))
            }
        }
        let changed = (
            minutes.takeChanges(), hours.takeChanges(), days.takeChanges(), details.takeChanges()
        )
        add(.minutes, changed.0)
        add(.hours, changed.1)
        add(.days, changed.2)
        add(.details, changed.3)
        return changes
    }

    /// Makes the next ``takeChanges(_:_:)`` whole.
    mutating func forgetChanges() {
        minutes.forgetChanges()
        hours.forgetChanges()
        days.forgetChanges()
        details.forgetChanges()
    }

    /// The keys of the rows that the last checkpoint has.
    var savedKeys: [[UInt8]] {
        [rowKey(.main)]
            + series.flatMap { row, series in series.savedNumbers.map { rowKey(row, $0) } }
    }

    /// First and last time (signed), open minute and hour (varints), counters of minute, hour, day
    /// and before, detail of the hour and before, and the breakdowns that the kind has.
    private func mainRow(_ open: OpenMinute, _ pool: NamePool) -> [UInt8] {
        var row = RowWriter(capacity: 256)
        row.write(signed: firstAt)
        row.write(signed: open.lastAt)
        row.write(varint: UInt64(open.minute))
        row.write(varint: UInt64(hour))
        open.counters.write(to: &row)
        hourCounters.write(to: &row)
        dayCounters.write(to: &row)
        closedCounters.write(to: &row)
        openDetail.write(to: &row)
        if kind.detailHoursKept > 0 { closedDetail.write(to: &row) }
        if kind.hasDomains { domains.write(to: &row, pool: pool) }
        if kind.hasProviders { providers.write(to: &row, pool: pool) }
        if kind.hasReplies { replies.write(to: &row, pool: pool) }
        return row.bytes
    }

    /// Reads a subject's main row, without its end when that is not needed; nil when it is malformed.
    static func load(
        kind: SubjectKind, key: [UInt8], value: [UInt8], hasBreakdowns: Bool, pool: inout NamePool
    ) -> (subject: Subject, open: OpenMinute)? {
        var reader = RowReader(value)
        let firstAt = reader.signed()
        let lastAt = reader.signed()
        guard let minute = UInt32(exactly: reader.varint()),
            let hour = UInt32(exactly: reader.varint()), minute / 60 == hour
        else { return nil }
        var subject = Subject(
            kind: kind, key: key, firstAt: firstAt, minute: minute, hasBreakdowns: hasBreakdowns)
        var open = OpenMinute(
            kind, minute: minute, lastAt: lastAt, isChanged: false, isSaved: true)
        open.counters = DeliveryCounters(&reader)
        subject.hourCounters = DeliveryCounters(&reader)
        subject.dayCounters = DeliveryCounters(&reader)
        subject.closedCounters = DeliveryCounters(&reader)
        subject.openDetail = OutcomeDetail(&reader)
        if kind.detailHoursKept > 0 { subject.closedDetail = OutcomeDetail(&reader) }
        guard hasBreakdowns else { return reader.isIntact ? (subject, open) : nil }
        if kind.hasDomains {
            subject.domains = Breakdown(&reader, places: Limits.domainsPerSubject, pool: &pool)
        }
        if kind.hasProviders {
            subject.providers = Breakdown(&reader, places: Limits.providersPerSubject, pool: &pool)
        }
        if kind.hasReplies {
            subject.replies = SpaceSaving(&reader, places: Limits.repliesPerSubject, pool: &pool)
        }
        return reader.isIntact && reader.isAtEnd ? (subject, open) : nil
    }

    /// Takes in one chunk of a series; false when it is malformed.
    mutating func load(_ row: SubjectRow, number: UInt32, value: [UInt8]) -> Bool {
        func skip(_ reader: inout RowReader) { _ = DeliveryCounters(&reader) }
        switch row {
        case .main:
            return false
        case .minutes:
            return minutes.load(
                number: number, bytes: value, chunkPeriods: Self.minutesInChunk, skip: skip)
        case .hours:
            return hours.load(
                number: number, bytes: value, chunkPeriods: Self.hoursInChunk, skip: skip)
        case .days:
            return days.load(
                number: number, bytes: value, chunkPeriods: Self.daysInChunk, skip: skip)
        case .details:
            return details.load(
                number: number, bytes: value, chunkPeriods: Self.hoursInChunk
            ) { _ = OutcomeDetail(&$0) }
        }
    }
}
