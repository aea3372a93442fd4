import EventLog
import MailEvents
import MailModel
import Testing

@Suite("Pieces are stored once")
struct PiecePlacementTests {
    private static let second: Int64 = 1_000_000
    private static func time(_ seconds: Int64) -> EventTime {
        EventTime(microseconds: 1_000_000_000 + seconds * second)
    }
    private static func octets(_ octet: UInt8) -> [UInt8] { Array(repeating: octet, count: 100) }

    /// Places a piece and makes it durable; the place it had, and the sequences stored.
    private static func store(
        _ octet: UInt8, _ recent: RecentPieces, tenant: String = "acme", at seconds: Int64 = 0,
        first: UInt64 = 50
    ) -> (PiecePlacement.Place, [UInt64]) {
        var placement = PiecePlacement(recent, at: time(seconds))
        let place = placement.place(octets(octet), of: tenant, isShared: true)
        let stored = placement.pending(at: 0).durable(
            AppendReceipt(epoch: 1, firstSequence: first), in: recent)
        return (place, stored)
    }

    @Test("What came before is named, for half an hour, by the same tenant")
    func named() {
        let recent = RecentPieces()
        #expect(Self.store(1, recent) == (.added(0), [50]))
        #expect(Self.store(1, recent, at: 60) == (.stored(50), []))
        #expect(Self.store(2, recent, at: 60, first: 60) == (.added(0), [60]))
        #expect(Self.store(1, recent, tenant: "other", at: 60, first: 70) == (.added(0), [70]))
        #expect(Self.store(1, recent, at: 1799) == (.stored(50), []))
        #expect(Self.store(1, recent, at: 1800, first: 80) == (.added(0), [80]))
        #expect(Self.store(1, recent, at: 1801) == (.stored(80), []))
    }

    @Test("After a step of the clock back it is stored again")
    func clock() {
        let recent = RecentPieces()
        _ = Self.store(1, recent, at: 100)
        #expect(Self.store(1, recent, at: 99, first: 60) == (.added(0), [60]))
    }

    @Test("Naming leaves a message the hour that its client has")
    func lifetime() {
        let hour = 3600 * Self.second
        #expect(ContentPiece.namingMicroseconds + hour <= ContentPiece.completionMicroseconds)
        #expect(ContentPiece.completionMicroseconds < ContentPiece.lifetimeMicroseconds)
    }

    @Test("What is not durable is not named")
    func notDurable() {
        let recent = RecentPieces()
        var placement = PiecePlacement(recent, at: Self.time(0))
        #expect(placement.place(Self.octets(1), of: "", isShared: true) == .added(0))
        var other = PiecePlacement(recent, at: Self.time(0))
        #expect(other.place(Self.octets(1), of: "", isShared: true) == .added(0))
    }

    @Test("In one append what is shared is stored once, and everything else as often as it comes")
    func oneAppend() throws {
        let recent = RecentPieces()
        _ = Self.store(9, recent, at: -10, first: 7)
        var placement = PiecePlacement(recent, at: Self.time(0))
        #expect(placement.isEmpty && placement.since == nil)
        let places = [
            placement.place(Self.octets(1), of: "acme", isShared: false),
            placement.place(Self.octets(2), of: "acme", isShared: true),
            placement.place(Self.octets(9), of: "acme", isShared: true),
            placement.place(Self.octets(1), of: "acme", isShared: false),
            placement.place(Self.octets(2), of: "acme", isShared: true),
            placement.place(Self.octets(9), of: "acme", isShared: true, mustStore: true),
        ]
        #expect(places == [.added(0), .added(1), .stored(7), .added(2), .added(1), .added(3)])
        #expect(placement.since == Self.time(-10))
        let names = placement.names(places, at: 3)
        #expect(names[0] == ContentPiece.inThisAppend(at: 3))
        #expect(names[2] == 7 && names[1] == names[4])
        let (events, contents) = placement.append(at: 3)
        #expect(events.count == 4 && contents.map(\.eventIndex) == [3, 4, 5, 6])
        for (event, content) in zip(events, contents) {
            #expect(event == ContentPiece.event(content.bytes, at: Self.time(0)))
        }
        let stored = placement.pending(at: 3).durable(
            AppendReceipt(epoch: 1, firstSequence: 100), in: recent)
        #expect(stored == [103, 104, 105, 106])
        #expect(Self.store(2, recent, at: 1) == (.stored(104), []))
        #expect(Self.store(9, recent, at: 1) == (.stored(106), []))
        // Another tenant's messages of the same append have their own.
        var both = PiecePlacement(recent, at: Self.time(2))
        let tenants = ["one", "two", "one"].map {
            both.place(Self.octets(77), of: $0, isShared: true)
        }
        #expect(tenants == [.added(0), .added(1), .added(0)])
        // Not shared: not found.
        #expect(Self.store(1, recent, at: 1, first: 200) == (.added(0), [200]))
    }

    @Test("The oldest are forgotten, not those that came again")
    func limit() {
        let recent = RecentPieces(limit: 3)
        for octet in UInt8(1)...3 { _ = Self.store(octet, recent, first: UInt64(octet)) }
        // Stored again later: its first place in the order is not its last.
        _ = Self.store(1, recent, at: 1800, first: 10)
        #expect(recent.count == 3)
        _ = Self.store(4, recent, at: 1800, first: 11)
        #expect(recent.count == 3)
        #expect(Self.store(1, recent, at: 1801).0 == .stored(10))
        #expect(Self.store(4, recent, at: 1801).0 == .stored(11))
        for octet in UInt8(20)...200 {
            _ = Self.store(octet, recent, at: 1801, first: UInt64(octet))
            #expect(recent.count <= 3)
        }
        #expect(Self.store(200, recent, at: 1802).0 == .stored(200))
    }
}

/// Tuples have no `==` of this kind that `#expect` shows; this compares both halves.
private func == (
    left: (PiecePlacement.Place, [UInt64]), right: (PiecePlacement.Place, [UInt64])
) -> Bool {
    left.0 == right.0 && left.1 == right.1
}
