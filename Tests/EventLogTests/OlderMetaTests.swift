import EventLog
import Glibc
import Testing
import WaybillTesting

@testable import EventLog

@Suite("A meta page that a failed write has spoiled")
struct OlderMetaTests {
    /// A log whose writer did not end in order, with a meta page that contradicts itself: its tree begins
    /// behind its last page, as LMDB leaves it.
    private static func makeLog(
        spoilsNewest: Bool, transaction: UInt64? = nil
    ) async throws -> Scratch {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        for text in ["1", "2", "3"] { _ = try await log.append([TextEvent(text: text)]) }
        log.close()
        _ = unsafe unlink(scratch.log + "/writer.lock")
        let pages = try SegmentFile(path: scratch.segment(1), first: 1).pages
        let newest = try #require(PageFile.newest(try pages.metas()))
        let place = (spoilsNewest ? newest.index : 1 - newest.index) * pages.pageBytes
        var bytes = try contents(of: scratch.segment(1))
        bytes.store(integer: newest.lastPage + 100, at: place + 88 + 40)
        if let transaction {
            bytes.store(integer: transaction, at: place + PageMeta.transactionOffset)
        }
        try write(bytes, to: scratch.segment(1))
        return scratch
    }

    @Test("the older one is written anew from the other one, and nothing is lost")
    func older() async throws {
        let scratch = try await Self.makeLog(spoilsNewest: false)
        let log = try openLog(scratch)
        #expect(try events(log.reader).map(\.text) == ["1", "2", "3"])
        _ = try await log.append([TextEvent(text: "4")])
        log.close()
        #expect(try DamageTests.verify(scratch).isIntact)
        #expect(try events(LogReader.open(directory: scratch.log)).count == 4)
    }

    @Test("the newest one is damage: the commit before it is not taken for the last one")
    func newest() async throws {
        let scratch = try await Self.makeLog(spoilsNewest: true)
        let before = try contents(of: scratch.segment(1))
        #expect(refusal(scratch)?.code == .damaged)
        #expect(try contents(of: scratch.segment(1)) == before)
    }

    @Test(
        "one of another transaction than the one before is damage",
        arguments: [0, 1 << 40] as [UInt64])
    func otherTransaction(transaction: UInt64) async throws {
        let scratch = try await Self.makeLog(spoilsNewest: false, transaction: transaction)
        #expect(refusal(scratch)?.code == .damaged)
    }

    @Test("after an end in order it is damage")
    func afterOrderlyEnd() async throws {
        let scratch = try await Self.makeLog(spoilsNewest: false)
        let pages = try SegmentFile(path: scratch.segment(1), first: 1).pages
        let newest = try #require(PageFile.newest(try pages.metas()))
        let end = "1\nended 1 \(newest.transaction)\n"
        try write(Array(end.utf8), to: scratch.log + "/writer.lock")
        #expect(LogLock.orderlyEnd(directory: scratch.log)?.transaction == newest.transaction)
        #expect(refusal(scratch)?.code == .damaged)
    }
}
