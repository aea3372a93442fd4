import ConfigurationFile
import EventLog
import Logging
import MailEvents
import MailModel
import MailProjections
import Projections
import Testing
import WaybillTesting

@testable import waybill

/// Writes mail's events, but octets that are no batch for one that applies the version `poison`.
private struct PoisonCodec: BatchCodec {
    private let codec = MailEventCodec()

    func resolve(
        _ event: inout Event, epoch: UInt32, appendFirstSequence: UInt64, notBefore: Int64
    ) -> Int64 {
        codec.resolve(
            &event, epoch: epoch, appendFirstSequence: appendFirstSequence, notBefore: notBefore)
    }

    func encode(
        _ events: [Event], firstSequence: UInt64, epoch: UInt32, firstTime: Int64,
        into bytes: inout [UInt8]
    ) {
        if case .configurationApplied(let fact)? = events.first?.fact, fact.version == "poison" {
            bytes += [0x0A, 0xFF, 0xFF]
        } else {
            codec.encode(
                events, firstSequence: firstSequence, epoch: epoch, firstTime: firstTime,
                into: &bytes)
        }
    }

    func encodeLost(
        count: Int, firstSequence: UInt64, epoch: UInt32, time: Int64, into bytes: inout [UInt8]
    ) {}

    func contentReferences(
        inBatch bytes: [UInt8], firstSequence: UInt64
    ) throws -> [ContentReference] { [] }
}

/// The statistics reached neither the log's end nor an event that they refuse.
private struct NeverArrived: Error {}

@Suite("server.skip_refused_events")
struct RefusedEventsTests {
    private func logConfiguration() -> EventLogConfiguration {
        var configuration = EventLogConfiguration()
        configuration.allowAnyFileSystem = true
        configuration.freeBytesFloor = 0
        return configuration
    }

    /// A log of a thousand events with one in the middle that no fold takes, or of fewer behind it;
    /// its sequence.
    private func poisonedLog(_ directory: String, behind: Int = 500) async throws -> UInt64 {
        try DataDirectory.create(directory)
        let log = try EventLog.open(
            directory: DataDirectory.log(directory), codec: PoisonCodec(),
            configuration: logConfiguration())
        defer { log.close() }
        var generator = EventGenerator(seed: 4)
        _ = try await log.append(generator.events(500).map(\.event))
        let poison = ConfigurationApplied(digest: "", version: "poison")
        let receipt = try await log.append([
            Event(time: generator.clock, fact: .configurationApplied(poison))
        ])
        if behind > 0 { _ = try await log.append(generator.events(behind).map(\.event)) }
        return receipt.firstSequence
    }

    /// What a projection of the server says once it goes no further; then `body`.
    private func status(
        _ directory: String, _ text: String, of name: String = Statistics.name,
        _ body: (ProjectionRunner, LogReader) throws -> Void = { _, _ in }
    ) async throws -> ProjectionStatus {
        let configuration = try WaybillConfiguration.read(
            "data: \(directory)\n" + text, file: "waybill.yaml", defaultHostName: "mx.example"
        ) { _ in "" }
        let log = try EventLog.open(
            directory: DataDirectory.log(directory), codec: MailEventCodec(),
            configuration: logConfiguration())
        defer { log.close() }
        let service = try ProjectionService.start(
            configuration: configuration, log: log.reader, rewrite: { _ in },
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        defer { service.stop() }
        for _ in 0..<600 {
            let status = service.runner.report().all.first { $0.name == name }
            if let status, [.live, .stopped].contains(status.phase) {
                try body(service.runner, log.reader)
                return status
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw NeverArrived()
    }

    @Test("Statistics stop before what they refuse, go on without it when told to, and stay so")
    func endToEnd() async throws {
        let directory = try TemporaryDirectory()
        let poison = try await poisonedLog(directory.path)
        let stopped = try await status(directory.path, "")
        #expect(stopped.phase == .stopped)
        #expect(stopped.sequence == poison - 1)
        #expect(stopped.stoppedBy?.first == poison)
        for _ in 0..<2 {
            let status = try await status(
                directory.path,
                "server: {skip_refused_events: [statistics]}\n")
            #expect(status.phase == .live)
            #expect(status.lag == 0)
            #expect(status.refused.list.map(\.first) == [poison])
        }
        // Everything but the event is counted, in a replay that passes over it too.
        let log = try LogReader.open(directory: DataDirectory.log(directory.path))
        let findings = try ProjectionVerification.run(
            MailProjections.all.all.filter { $0.name == Statistics.name },
            directory: DataDirectory.projections(directory.path), log: log,
            splitter: MailProjections.all.splitter
        ) { _ in }
        #expect(findings.map(\.isWell) == [true])
    }

    @Test("Messages are found although the index passes over an event; else that event is named")
    func messages() async throws {
        // The event is the last one, which the index does not count as one that it has.
        let directory = try TemporaryDirectory()
        let poison = try await poisonedLog(directory.path, behind: 0)
        let projections = DataDirectory.projections(directory.path)
        func lookUp(_ index: HistoryIndex, _ log: LogReader) throws {
            var search = MessageSearch(log: log, index: index)
            #expect(try !search.find(MessageQuery(MessageFilter(), limit: 5)).messages.isEmpty)
        }
        let stopped = try await status(directory.path, "", of: History.name) { runner, log in
            let host = try #require(runner.projection(History.self))
            let error = #expect(throws: HistoryIndex.Unavailable.self) {
                try HistoryIndex.live(host, log: log)
            }
            #expect(error?.stoppedAt == poison)
            let refusal = #expect(throws: RefusedEvent.self) {
                try HistoryIndex.open(directory: projections, log: log)
            }
            #expect(refusal?.first == poison)
        }
        #expect(stopped.stoppedBy?.first == poison)
        let text = "server: {skip_refused_events: [history]}\n"
        let live = try await status(directory.path, text, of: History.name) { runner, log in
            let host = try #require(runner.projection(History.self))
            try lookUp(try HistoryIndex.live(host, log: log), log)
        }
        #expect(live.refused.list.map(\.first) == [poison])
        let log = try LogReader.open(directory: DataDirectory.log(directory.path))
        let (index, setback) = try HistoryIndex.open(directory: projections, log: log)
        #expect(setback == nil)
        try lookUp(index, log)
    }

    @Test("`projection status` names what stopped a projection and what it passed over, and fails")
    func shown() async throws {
        let directory = try TemporaryDirectory()
        let poison = try await poisonedLog(directory.path)
        let definition = try #require(MailProjections.all[Statistics.name])
        var stopped = ProjectionStatusCommand.Line(definition, logEnd: poison)
        stopped.take(try await status(directory.path, ""))
        #expect(!stopped.isWell)
        #expect(stopped.cells[1] == "stopped")
        #expect(stopped.notes.contains { $0.contains("stopped before event \(poison) refused") })
        #expect(stopped.json.contains("\"stopped_by\":{\"first_sequence\":\(poison),"))
        var live = ProjectionStatusCommand.Line(definition, logEnd: poison)
        live.take(
            try await status(directory.path, "server: {skip_refused_events: [statistics]}\n"))
        #expect(live.isWell)
        #expect(live.cells.last == "1")
        #expect(live.notes.contains { $0.contains("in quarantine: event \(poison) refused") })
    }
}
