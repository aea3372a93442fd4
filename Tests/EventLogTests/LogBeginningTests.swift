import EventLog
import Testing
import WaybillTesting

@testable import EventLog

@Suite("A standby's log that begins behind a cut")
struct LogBeginningTests {
    private typealias Replica = LogReplica<TextCodec>

    /// A log whose first three segments were pruned, and where one without a log begins.
    private static func pruned() async throws -> (Scratch, LogReader, LogBeginning) {
        let primary = try await PruningTests.makeLog()
        try PruningTests.prune(primary, before: try PruningTests.firsts(primary)[3])
        let reader = try LogReader.open(directory: primary.log)
        let record = try #require(reader.pruned)
        return (primary, reader, LogBeginning(record: record, epochs: try reader.epochs()))
    }

    private static func open(_ scratch: Scratch, _ beginning: LogBeginning?) throws -> Replica {
        try Replica(
            directory: scratch.log, codec: TextCodec(), logID: beginning?.record.logID,
            beginning: beginning, configuration: testConfiguration())
    }

    @Test("it stands at the cut, takes over the rest, and holds the same log")
    func begins() async throws {
        let (primary, reader, beginning) = try await Self.pruned()
        let standby = try Scratch()
        let replica = try Self.open(standby, beginning)
        #expect(replica.position == beginning.record.cut)
        #expect(replica.reader.pruned == beginning.record)
        #expect(try replica.reader.end(ofBatchAt: replica.position.sequence) == replica.position)
        let steps = try ReplicaTests.ship(replica, from: reader)
        #expect(steps.files > 0)
        #expect(replica.position == (try reader.info().position))
        replica.close()
        try ReplicaTests.expectSame(standby, as: primary)
    }

    @Test("one without an event yet opens again where it was, as a standby's and as a writer's")
    func opensAgain() async throws {
        let (primary, reader, beginning) = try await Self.pruned()
        defer { withExtendedLifetime(primary) {} }
        let standby = try Scratch()
        try Self.open(standby, beginning).close()
        do {
            let again = try Self.open(standby, nil)
            #expect(again.position == beginning.record.cut)
            #expect(again.lastEventTime == beginning.record.cutTime)
            again.close()
        }
        let log = try openLog(standby)
        #expect(log.position == beginning.record.cut)
        let receipt = try await log.append([TextEvent(text: "next")])
        #expect(receipt.firstSequence == reader.firstSequence)
        log.close()
        #expect(try CompactionTests.verify(standby).isIntact)
    }

    @Test("what an earlier try left does not keep it from beginning anew, whole or behind a cut")
    func leftover() async throws {
        let (primary, reader, beginning) = try await Self.pruned()
        defer { withExtendedLifetime(primary) {} }
        for isWhole in [false, true] {
            let standby = try Scratch()
            let directory = LogDirectory(standby.log)
            try directory.create()
            try directory.write(beginning.record)
            // The segment that was to be the first is there under its temporary name.
            let first = directory.temporaryPath(beginning.record.firstSequence)
            try write([1, 2, 3], to: first)
            #expect(throws: EventLogError(.notFound, "")) { try Self.open(standby, nil) }
            let replica = try Replica(
                directory: standby.log, codec: TextCodec(), logID: try reader.logID(),
                beginning: isWhole ? nil : beginning, configuration: testConfiguration())
            #expect(replica.position.sequence == (isWhole ? 0 : beginning.record.cut.sequence))
            #expect((replica.reader.pruned == nil) == isWhole)
            replica.close()
        }
    }

    @Test("what does not continue at the cut is refused")
    func otherBatches() async throws {
        let (primary, reader, beginning) = try await Self.pruned()
        defer { withExtendedLifetime(primary) {} }
        var wrong = beginning
        wrong.record.cut.chainHash[0] ^= 1
        let standby = try Scratch()
        let replica = try Self.open(standby, wrong)
        #expect(throws: EventLogError(.damaged, "")) {
            try ReplicaTests.ship(replica, from: reader)
        }
        #expect(replica.position == wrong.record.cut)
        replica.close()
    }

    @Test("only reigns that had begun before the cut are known there")
    func epochs() {
        let cut = Position(epoch: 2, sequence: 20, chainHash: [UInt8](repeating: 1, count: 32))
        let record = PruneRecord(
            logID: [UInt8](repeating: 7, count: 16), cut: cut, cutTime: 5, prunedAt: 6)
        let all = [
            EpochStart(epoch: 1, firstSequence: 1), EpochStart(epoch: 2, firstSequence: 11),
            EpochStart(epoch: 3, firstSequence: 21),
        ]
        #expect(LogBeginning(record: record, epochs: all).epochs == Array(all.prefix(2)))
        #expect(
            LogBeginning(record: record, epochs: []).epochs
                == [EpochStart(epoch: 2, firstSequence: 1)])
    }
}
