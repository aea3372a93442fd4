import MailEvents
import MailModel
import Testing

@testable import waybill

@Suite("A restore that ends within a batch")
struct MailShorteningTests {
    private static func received(_ pieces: [UInt64]) -> Fact {
        .received(
            MessageReceived(
                reversePath: .null, sizeOctets: 1, contentSHA256: Array(repeating: 1, count: 32),
                recipientCount: 0,
                session: IngressSession(
                    listener: "", serverName: "", transmissionType: .local),
                contentPieces: pieces))
    }

    private static let piece = Fact.contentReceived(
        ContentReceived(sizeOctets: 1, contentSHA256: Array(repeating: 2, count: 32)))

    private static func kept(_ facts: [Fact]) -> Int {
        let events = facts.enumerated().map { index, fact in
            RecordedEvent(
                sequence: UInt64(10 + index), epoch: 1,
                event: Event(time: EventTime(microseconds: 1), fact: fact))
        }
        return MailShortening.whole(events[...]).count
    }

    @Test("takes messages whole: none without a piece that stood behind it")
    func whole() {
        let none = Self.received([])
        let early = Self.received([3, 4])
        #expect(Self.kept([]) == 0)
        #expect(Self.kept([none, early]) == 2)
        #expect(Self.kept([Self.received([11]), Self.piece]) == 2)
        #expect(Self.kept([Self.received([11])]) == 0)
        #expect(Self.kept([none, Self.received([3, 12])]) == 1)
        // Two messages, and the pieces of both behind them; that of the second is gone, and with what
        // stands behind its message, that of the first.
        #expect(Self.kept([Self.received([12]), Self.received([13]), Self.piece]) == 0)
        #expect(Self.kept([none, Self.received([13]), Self.received([14]), Self.piece]) == 1)
        #expect(
            Self.kept([Self.received([12]), Self.received([13]), Self.piece, Self.piece]) == 4)
    }
}
