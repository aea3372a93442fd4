import EventLog
import MailEvents
import MailModel
import Projections
import WaybillTesting

@testable import MailProjections

/// What the history means, as plainly as it can be said: every question answered from all events.
struct HistoryModel {
    /// The messages, oldest first.
    private(set) var messages: [MessageID] = []
    /// By message: its events, and the notifications that report on it.
    private var events: [MessageID: [RecordedEvent]] = [:]

    init(_ all: [RecordedEvent]) {
        for event in all {
            if case .received(let fact) = event.event.fact {
                messages.append(MessageID(epoch: event.epoch, sequence: event.sequence))
                if let reported = fact.reportsOn { events[reported, default: []].append(event) }
            }
            if let message = event.messageID { events[message, default: []].append(event) }
        }
    }

    func trace(_ message: MessageID, through: UInt64 = .max) -> MessageTrace? {
        var trace = MessageTrace(message: message)
        for event in events[message] ?? [] where event.sequence <= through {
            if case .received(let fact) = event.event.fact, fact.reportsOn == message {
                trace.notifications.append(
                    MessageID(epoch: event.epoch, sequence: event.sequence))
            }
            if event.messageID == message { trace.events.append(event) }
        }
        guard let received = trace.received?.fact else { return nil }
        let outcomes = trace.outcomes
        trace.isFinal =
            outcomes.count >= received.recipientCount && outcomes.allSatisfy(\.state.isFinal)
        return trace
    }

    func find(_ query: MessageQuery) -> [MessageTrace] {
        let filter = query.filter
        return messages.reversed().filter { $0.sequence < query.before }.compactMap { message in
            guard let trace = trace(message, through: query.through),
                let (event, fact) = trace.received
            else { return nil }
            guard (filter.tenant ?? fact.tenant) == fact.tenant,
                (filter.campaign ?? fact.campaign) == fact.campaign,
                (filter.sender ?? fact.reversePath) == fact.reversePath,
                filter.since.map({ event.event.time >= $0 }) ?? true,
                filter.until.map({ event.event.time < $0 }) ?? true
            else { return nil }
            guard filter.recipient != nil || filter.domain != nil || filter.state != nil else {
                return trace
            }
            let fits = trace.outcomes.contains {
                (filter.recipient ?? $0.mailbox) == $0.mailbox
                    && (filter.domain ?? $0.mailbox.domain) == $0.mailbox.domain
                    && (filter.state ?? $0.state) == $0.state
            }
            return fits ? trace : nil
        }
    }
}

/// A history with small chunks, so that few events make many: what the engine keeps in tests.
struct SmallHistory: Projection {
    static var name: String { History.name }
    static var version: UInt32 { History.version }

    var history = History(chunkBits: 6)

    mutating func apply(_ batch: StoredBatch) throws { try history.apply(batch) }
    mutating func load(_ row: ProjectionRow) -> Bool { history.load(row) }
    func forEachRow(_ body: (ProjectionRow) throws -> Void) rethrows {
        try history.forEachRow(body)
    }
    mutating func takeCheckpoint(at position: Position) -> Checkpoint {
        history.takeCheckpoint(at: position)
    }
    mutating func forgetChanges() { history.forgetChanges() }
    mutating func expectNoCheckpoint() { history.expectNoCheckpoint() }
}

/// A data directory with a real log and the history's file beside it.
final class HistorySite {
    let directory: TemporaryDirectory
    let log: EventLog<MailEventCodec>
    private(set) var generator: EventGenerator

    var projections: String { directory.path + "/projections" }
    var paths: ProjectionPaths {
        ProjectionPaths(
            directory: projections, name: History.name, version: History.version)
    }

    init(seed: UInt64 = 31) throws {
        directory = try TemporaryDirectory()
        generator = EventGenerator(seed: seed)
        var configuration = EventLogConfiguration()
        configuration.allowAnyFileSystem = true
        configuration.freeBytesFloor = 0
        log = try EventLog.open(
            directory: directory.path + "/log", codec: MailEventCodec(),
            configuration: configuration)
    }

    deinit { log.close() }

    /// Appends the next events of the stream, in batches of at most so many.
    func write(_ count: Int, batches: Int = 40) async throws {
        var left = count
        while left > 0 {
            let events = generator.events(min(left, batches))
            _ = try await log.append(events.map(\.event))
            left -= events.count
        }
    }

    /// Brings the file to the log's end, as the engine does.
    func save(bits: UInt64 = 6) throws {
        let options = HostOptions(splitter: MailBatchSplitter())
        let host: any ProjectionHost =
            bits == 6
            ? HostedProjection<SmallHistory>(
                directory: projections, log: log.reader, options: options)
            : HostedProjection<History>(
                directory: projections, log: log.reader, options: options)
        _ = try host.open()
        try log.reader.forEachBatch(from: host.sequence + 1) { batch in
            try host.apply(batch)
            return true
        }
        try host.writeCheckpoint()
        host.detach()
    }

    func search(usesFile: Bool = true) throws -> (MessageSearch, setback: String?) {
        let (index, setback) = try HistoryIndex.open(
            directory: projections, log: log.reader, usesFile: usesFile)
        return (MessageSearch(log: log.reader, index: index), setback)
    }

    func model() throws -> HistoryModel {
        var events: [RecordedEvent] = []
        try log.reader.forEachBatch { batch in
            events += try batch.events()
            return true
        }
        return HistoryModel(events)
    }
}
