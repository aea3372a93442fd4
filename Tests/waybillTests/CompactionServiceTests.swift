import ConfigurationFile
import EventLog
import Logging
import MailEvents
import MailModel
import MailProjections
import Orders
import Synchronization
import Testing
import WaybillTesting

@testable import waybill

/// Folds that never answer: as when every thread that tasks run on is taken.
private final class Unanswered: LiveState {
    let asked = Atomic(0)

    func withQueue<Result: Sendable>(
        _ body: @escaping @Sendable (inout Queue) -> Result
    ) async -> Result? {
        asked.add(1, ordering: .relaxed)
        while !Task.isCancelled { try? await Task.sleep(for: .milliseconds(20)) }
        return nil
    }

    func withSuppression<Result: Sendable>(
        _ body: @escaping @Sendable (inout Suppression) -> Result
    ) async -> Result? { nil }
}

@Suite("Compaction of a running server")
struct CompactionServiceTests {
    private func eventually(_ holds: () -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(30)
        while !holds() {
            try #require(ContinuousClock.now < end)
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    @Test("It stops although nobody answers which content is needed, and nothing is dropped")
    func stopsUnanswered() async throws {
        let directory = try TemporaryDirectory()
        var configuration = WaybillConfiguration(
            dataDirectory: directory.path, hostName: "waybill.example")
        configuration.log.allowAnyFileSystem = true
        configuration.log.freeBytesFloor = 0
        configuration.compaction.contentRetentionSeconds = 0
        let log = try EventLog.open(
            directory: directory.path + "/log", codec: MailEventCodec(),
            configuration: configuration.log)
        var generator = EventGenerator(seed: 1)
        let accepted = generator.acceptance(recipients: 1)
        let receipt = try await log.append(accepted.events, contents: accepted.contents)
        _ = try await log.seal()
        let state = Unanswered()
        let folds = LiveFolds()
        folds.set(state)
        let service = try #require(
            try CompactionService.start(
                configuration, log.reader, folds, logger: Logger(label: "test")))
        try await eventually { state.asked.load(ordering: .relaxed) > 0 }
        let isOver = Monitor(false)
        #expect(
            OwnThread.start(name: "test") {
                service.stop()
                isOver.withLock { $0 = true }
            })
        try await eventually { isOver.withLock { $0 } }
        #expect(try log.reader.content(of: receipt.firstSequence) != nil)
        log.close()
    }
}
