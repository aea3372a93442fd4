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

    /// A log of a thousand events with one in the middle that no fold takes; its sequence.
    private func poisonedLog(_ directory: String) async throws -> UInt64 {
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
        _ = try await log.append(generator.events(500).map(\.event))
        return receipt.firstSequence
    }

    /// What the server's statistics say once they go no further.
    private func status(
        _ directory: String, _ text: String
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
            let status = service.runner.report().all.first { $0.name == Statistics.name }
            if let status, [.live, .stopped].contains(status.phase) { return status }
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
}
