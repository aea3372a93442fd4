import EventLog
import Glibc
import Testing
import WaybillTesting

@testable import EventLog

@Suite("A segment that a standby takes over")
struct ReplicaInstallTests {
    /// A log, and a standby without an event that has received its first segment and not installed it.
    private static func received() async throws -> (
        primary: Scratch, reader: LogReader, standby: Scratch, replica: ReplicaTests.Replica,
        segment: SealedSegment
    ) {
        let primary = try await CompactionTests.makeLog()
        let reader = try LogReader.open(directory: primary.log)
        let standby = try Scratch()
        let replica = try ReplicaTests.open(standby, of: reader)
        let segment = try #require(try reader.sealedSegments(after: 0).first)
        try ReplicaTests.receive(segment, replica, from: reader)
        return (primary, reader, standby, replica, segment)
    }

    @Test("what was installed is known, although the directory could not be listed behind it")
    func installedAlthough() async throws {
        let (primary, reader, standby, replica, segment) = try await Self.received()
        // Every listing reads this record.
        let record = LogDirectory(standby.log).prunedPath
        try write([1, 2, 3], to: record)
        #expect(throws: EventLogError(.damaged, "")) { try replica.reader.refresh() }
        try replica.install(segment)
        #expect(replica.position.sequence == segment.lastSequence)
        #expect(replica.position.chainHash == segment.chainHash)
        #expect(replica.activeFirst == segment.lastSequence + 1)
        #expect(
            replica.lastEventTime == (try reader.batch(containing: segment.lastSequence)?.lastTime))
        let isRemoved = unsafe unlink(record) == 0
        #expect(isRemoved)
        #expect(
            try replica.reader.batch(containing: segment.lastSequence)?.position
                == replica.position)
        try ReplicaTests.ship(replica, from: reader)
        replica.close()
        try ReplicaTests.expectSame(standby, as: primary)
    }

    @Test("a segment that cannot take its name leaves the log as it was, and nothing beside it")
    func cannotBeNamed() async throws {
        let (primary, reader, standby, replica, segment) = try await Self.received()
        let (own, away) = (standby.segment(1), standby.path + "/away")
        let wasMoved = unsafe rename(own, away) == 0
        let wasMade = unsafe mkdir(own, 0o700) == 0
        #expect(wasMoved && wasMade)
        // A file does not take the place of a directory.
        #expect(throws: EventLogError(.inaccessible, "")) { try replica.install(segment) }
        #expect(replica.position.sequence == 0 && replica.activeFirst == 1)
        #expect(!standby.names().contains { $0.contains(".new") })
        let wasRemoved = unsafe rmdir(own) == 0
        let wasPutBack = unsafe rename(away, own) == 0
        #expect(wasRemoved && wasPutBack)
        try ReplicaTests.ship(replica, from: reader)
        replica.close()
        try ReplicaTests.expectSame(standby, as: primary)
    }
}
