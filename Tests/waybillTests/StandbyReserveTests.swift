import EventLog
import Logging
import MailEvents
import MailModel
import Replication
import Testing
import WaybillTesting

@testable import waybill

@Suite("What is kept for standbys")
struct StandbyReserveTests {
    /// A log of three sealed segments, of one event each.
    private static func log(in directory: String) async throws -> EventLog<MailEventCodec> {
        var configuration = EventLogConfiguration()
        configuration.allowAnyFileSystem = true
        configuration.freeBytesFloor = 0
        let log = try EventLog.open(
            directory: directory + "/log", codec: MailEventCodec(), configuration: configuration)
        for version in 1...3 {
            let fact = Fact.configurationApplied(
                ConfigurationApplied(digest: "", version: "\(version)"))
            _ = try await log.append([Event(time: EventTime(microseconds: 1), fact: fact)])
            _ = try await log.seal()
        }
        return log
    }

    private static func reserve(
        _ directory: String, octetsMax: UInt64
    ) throws -> (StandbyReserve, StandbyBoard) {
        let board = StandbyBoard(now: { 9 }) { _ in }
        let reserve = StandbyReserve(
            board: board, dataDirectory: directory, octetsMax: octetsMax,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        try reserve.load()
        return (reserve, board)
    }

    @Test("the first event that the one furthest behind lacks is kept")
    func kept() async throws {
        let directory = try TemporaryDirectory()
        let log = try await Self.log(in: directory.path)
        defer { log.close() }
        let (reserve, board) = try Self.reserve(directory.path, octetsMax: 1 << 30)
        #expect(try reserve.firstNeeded(in: log.reader) == nil)
        board.remember([
            StandbySlot(site: "berlin", sequence: 2, lastSeen: 1),
            StandbySlot(site: "paris", sequence: 1, lastSeen: 1),
        ])
        #expect(try reserve.firstNeeded(in: log.reader) == 2)
        #expect(board.entries.allSatisfy { !$0.isGivenUp })
    }

    @Test("a standby that needs more than may be kept is given up, and stays so over a restart")
    func givenUp() async throws {
        let directory = try TemporaryDirectory()
        let log = try await Self.log(in: directory.path)
        defer { log.close() }
        let (reserve, board) = try Self.reserve(directory.path, octetsMax: 1)
        board.remember([
            StandbySlot(site: "berlin", sequence: 0, lastSeen: 1),
            StandbySlot(site: "paris", sequence: 3, lastSeen: 1),
        ])
        #expect(try reserve.firstNeeded(in: log.reader) == 4)
        #expect(board.entries.map(\.isGivenUp) == [true, false])
        let (again, remembered) = try Self.reserve(directory.path, octetsMax: 1 << 30)
        #expect(remembered.entries.map(\.isGivenUp) == [true, false])
        #expect(try again.firstNeeded(in: log.reader) == 4)
    }
}
