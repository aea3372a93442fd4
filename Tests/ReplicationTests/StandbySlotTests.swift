import EventLog
import SmallFiles
import Testing
import WaybillTesting

@testable import Replication

@Suite("What is remembered of standbys")
struct StandbySlotTests {
    private static let slots = [
        StandbySlot(site: "berlin", sequence: 1_202, lastSeen: 1_800_000_000_000_000),
        StandbySlot(site: "paris two", sequence: 7, lastSeen: 5, isGivenUp: true),
    ]

    @Test("slots are read as they were saved, given up or not")
    func roundTrip() throws {
        let directory = try TemporaryDirectory()
        let path = StandbySlot.path(dataDirectory: directory.path)
        #expect(try StandbySlot.load(path).isEmpty)
        try StandbySlot.save(Self.slots, path)
        #expect(try StandbySlot.load(path) == Self.slots)
    }

    @Test("what a forged standby left behind hinders no start and no pruning")
    func forged() throws {
        let directory = try TemporaryDirectory()
        let path = StandbySlot.path(dataDirectory: directory.path)
        try SmallFile.replace(path, with: "\(UInt64.max) 2 paris\n5 6 \n")
        let slots = try StandbySlot.load(path)
        #expect(slots.map(\.site) == ["paris", ""])
        #expect(slots.map(\.firstNeeded) == [.max, 6])
    }

    @Test(
        "a line that is none is named", arguments: ["x 1 berlin", "1 berlin", "given-up 1 berlin"])
    func wrong(_ line: String) throws {
        let directory = try TemporaryDirectory()
        let path = StandbySlot.path(dataDirectory: directory.path)
        try SmallFile.replace(path, with: "1 2 paris\n\(line)\n")
        let error = #expect(throws: SmallFileError.self) { try StandbySlot.load(path) }
        #expect(error?.description.contains(":2") == true)
    }

    @Test("a standby that is given up stays on the board, until it follows again")
    func board() {
        let board = StandbyBoard(now: { 9 }) { _ in }
        board.remember(Self.slots)
        #expect(board.slots == Self.slots)
        #expect(board.giveUp("berlin"))
        #expect(!board.giveUp("berlin"))
        #expect(!board.giveUp("rome"))
        #expect(board.entries.map(\.isGivenUp) == [true, true])
        let link = board.connected("berlin", peer: "", address: "", position: .beginning)
        #expect(board.entries.map(\.isGivenUp) == [false, true])
        #expect(!board.giveUp("berlin"), "it is connected")
        board.disconnected("berlin", link: link)
        #expect(board.forget("paris two"))
        #expect(board.slots.map(\.site) == ["berlin"])
    }
}
