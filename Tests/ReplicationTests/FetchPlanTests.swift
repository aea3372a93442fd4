import EventLog
import Glibc
import Testing
import WaybillTesting

@testable import Replication

@Suite("What a standby has set out to fetch")
struct FetchPlanTests {
    private func position(_ epoch: UInt32, _ sequence: UInt64) -> Position {
        Position(epoch: epoch, sequence: sequence, chainHash: Position.beginning.chainHash)
    }

    @Test("It is read back as it was written, also when nothing was to be fetched")
    func roundTrip() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/fetching"
        #expect(FetchPlan.load(path) == nil)
        for plan in [
            FetchPlan(epoch: 3, lastSequences: [10, 25, UInt64.max]),
            FetchPlan(epoch: 1, lastSequences: []),
        ] {
            try plan.save(path)
            #expect(FetchPlan.load(path) == plan)
        }
    }

    @Test("Segments count that end behind the log, unless the log went on in a later epoch")
    func missing() {
        let plan = FetchPlan(epoch: 3, lastSequences: [10, 25, 40])
        #expect(plan.missing(behind: .beginning) == 3)
        #expect(plan.missing(behind: position(2, 10)) == 2)
        #expect(plan.missing(behind: position(3, 24)) == 2)
        #expect(plan.missing(behind: position(3, 40)) == 0)
        #expect(plan.missing(behind: position(4, 11)) == 0)
    }

    @Test("Of very many segments the last ones are remembered")
    func bounded() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/fetching"
        let count = UInt64(ReplicationLimits.segmentsRemembered) + 5
        let first = UInt64.max - count
        try FetchPlan(epoch: .max, lastSequences: Array(first..<first + count)).save(path)
        let kept = try #require(FetchPlan.load(path))
        #expect(kept.lastSequences.count == ReplicationLimits.segmentsRemembered)
        #expect(kept.lastSequences.last == first + count - 1)
    }

    @Test(
        "A file that is no plan is passed over",
        arguments: ["", "x\n1\n", "1\nx\n", "1\n-5\n", "-1\n5\n", "99999999999\n5\n"])
    func broken(text: String) throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/fetching"
        let file = try unsafe #require(unsafe fopen(path, "w"))
        unsafe fputs(text, file)
        unsafe fclose(file)
        #expect(FetchPlan.load(path) == nil)
    }
}
