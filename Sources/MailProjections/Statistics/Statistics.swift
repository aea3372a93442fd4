import MailEvents
import Projections

/// Who sent how much to whom and what became of it: a fold of the log.
///
/// One projection, because all its subjects need the same pass over the events and the same table
/// of live messages. Each subject (see ``SubjectKind``) has counters in total and by minute, hour
/// and day, bounce classes, times to delivery, and breakdowns. What is held is bounded by the limits
/// in ``Limits`` and by what waits for delivery, never by the length of the log.
///
/// Time is the events' own: a new day, seen first in an event, drops what is older than is kept.
///
/// Concurrency: value.
package struct Statistics: Sendable {
    /// The last event applied; 0 before the first.
    package internal(set) var lastSequence: UInt64 = 0
    /// Time of the last event applied, microseconds since the epoch.
    package internal(set) var now: Int64 = 0

    /// The minute of ``now``, and when the next begins.
    var minute: UInt32 = 0
    var nextMinuteAt: Int64 = .min

    /// Number of each subject by its key.
    var keys = ByteTable()
    /// By number: what is hot, and the rest.
    var cells: [OpenMinute] = []
    var subjects: [Subject] = []
    /// Subjects of each kind beside the overflow, by raw value.
    var kindCounts = [Int](repeating: 0, count: 8)
    var names = NamePool()
    var live = LiveMessages()
    var logins = Logins()

    /// Keys of rows in the last checkpoint whose subjects were dropped since.
    var removedRows: Set<[UInt8]> = []
    var needsWhole = true

    /// What there is of it. No checkpoint is taken of less than everything.
    let need: StatisticsNeed

    /// What belongs to the batch that is being applied.
    var batch = BatchNumbers()
    var scratch: [UInt8] = []

    /// Statistics before the first event.
    package init() { self.init(.everything) }

    /// Statistics before the first event, for questions that need no more than that of them.
    package init(_ need: StatisticsNeed) { self.need = need }

    /// The number of a subject, which is made if it is not there yet; -1 when its kind is not needed.
    mutating func subject(
        _ kind: SubjectKind, tenant: ArraySlice<UInt8> = [], name: ArraySlice<UInt8>
    ) -> Int {
        guard need.has(kind) else { return -1 }
        SubjectKeyBytes.write(kind, tenant: tenant, name: name, to: &scratch)
        if let number = keys.find(scratch[...]) { return Int(number) }
        let overflow = SubjectKeyBytes.overflow(kind)
        if kindCounts[Int(kind.rawValue)] >= kind.subjectsMaximum {
            scratch = overflow
            if let number = keys.find(scratch[...]) { return Int(number) }
        } else if scratch != overflow {
            kindCounts[Int(kind.rawValue)] += 1
        }
        return insert(
            Subject(
                kind: kind, key: scratch, firstAt: now, minute: minute,
                hasBreakdowns: need.hasBreakdowns(scratch)),
            OpenMinute(kind, minute: minute, lastAt: now))
    }

    /// Adds a subject whose key is new.
    @discardableResult
    mutating func insert(_ subject: Subject, _ open: OpenMinute) -> Int {
        let number = Int(keys.insert(subject.key[...]).number)
        if number == subjects.count {
            subjects.append(subject)
            cells.append(open)
        } else {
            subjects[number] = subject
            cells[number] = open
        }
        return number
    }

    /// A new day: drops subjects that were idle for too long, and periods that are too old.
    mutating func sweep() {
        let today = minute / 1440
        for number in cells.indices where cells[number].isThere {
            let lastDay = Self.minute(of: cells[number].lastAt) / 1440
            if lastDay < today, today - lastDay > cells[number].idleDays {
                drop(number)
            } else if cells[number].dropDay <= today {
                if subjects[number].dropOld(minute: minute) { cells[number].isChanged = true }
                cells[number].dropDay = subjects[number].dropDay
            }
        }
        let idle = Limits.providerIdleDays
        logins.drop(before: today > idle ? today - idle : 0)
    }

    private mutating func drop(_ number: Int) {
        if cells[number].isSaved { removedRows.formUnion(subjects[number].savedKeys) }
        subjects[number].releaseNames(&names)
        cells[number].isThere = false
        let subject = subjects[number]
        if subject.key != SubjectKeyBytes.overflow(subject.kind) {
            kindCounts[Int(subject.kind.rawValue)] -= 1
        }
        keys.remove(UInt32(number))
    }

    /// Minutes since the epoch, held within what 32 bits can say.
    static func minute(of microseconds: Int64) -> UInt32 {
        UInt32(clamping: microseconds.flooredMinutes)
    }
}

extension Int64 {
    fileprivate var flooredMinutes: Int64 { self >= 0 ? self / 60_000_000 : -1 }
}
