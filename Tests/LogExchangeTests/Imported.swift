import MailEvents
import MailModel

@testable import LogExchange

/// Lines, imported without any file.
struct Imported {
    private(set) var events: [RecordedEvent] = []
    private(set) var refused: [String] = []
    private(set) var skipped: [SkipReason] = []
    let counts: HistoryCounts

    init(
        _ lines: [String], format: ImportFormat,
        options: SyslogOptions = SyslogOptions(now: EventTime(microseconds: 1_790_000_000_000_000)),
        window: Int = 1_000
    ) throws {
        try self.init(
            lines.map { Array($0.utf8) }, format: format, options: options, window: window)
    }

    init(
        _ lines: [[UInt8]], format: ImportFormat, options: SyslogOptions, window: Int
    ) throws {
        var builder = HistoryBuilder(nextSequence: 1, epoch: 1, windowEntries: window, openMax: 50)
        var syslog = SyslogReader(options)
        var kumo = KumoTracker()
        var postfix = PostfixTracker()
        var made: [Event] = []
        for line in lines {
            let parsed: ParsedLine =
                switch format {
                case .kumomta: KumoLine.parse(line)
                case .postfix:
                    syslog.read(line).map(PostfixLine.parse) ?? .refused("no syslog line")
                }
            switch parsed {
            case .statement(let time, .kumo(let statement)):
                if let skip = kumo.take(statement, at: time, into: &builder) {
                    skipped.append(skip)
                }
            case .statement(let time, .postfix(let statement)):
                if let skip = postfix.take(statement, at: time, into: &builder) {
                    skipped.append(skip)
                }
            case .other: skipped.append(.other)
            case .refused(let why): refused.append(why)
            }
            made += builder.takeEvents()
        }
        builder.finish()
        while true {
            let events = builder.takeEvents(limit: 7)
            if events.isEmpty { break }
            made += events
        }
        counts = builder.counts
        events = made.enumerated().map {
            RecordedEvent(sequence: UInt64($0 + 1), epoch: 1, event: $1)
        }
    }
}
