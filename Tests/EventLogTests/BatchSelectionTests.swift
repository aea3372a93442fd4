import EventLog
import Testing

@testable import EventLog

@Suite("Which of the batches that were found are the history")
struct BatchSelectionTests {
    /// A batch whose chain hash is made of a number, behind the one with another number.
    private static func batch(
        _ sequences: ClosedRange<UInt64>, _ hash: UInt8, after previous: UInt8,
        _ stand: FoundBatch.Stand = .onPage
    ) -> FoundBatch {
        FoundBatch(
            header: BatchHeader(
                codec: .none, dictionary: 0, firstSequence: sequences.lowerBound,
                lastSequence: sequences.upperBound, epoch: 1, firstTime: 0, lastTime: 0,
                rawLength: 0, previousHash: [UInt8](repeating: previous, count: 32)),
            chainHash: [UInt8](repeating: hash, count: 32),
            place: ValuePlace(file: 0, offset: 0, octets: 0), key: sequences.lowerBound,
            stand: stand)
    }

    private static func chosen(
        _ found: [FoundBatch], acceptsUnproven: Bool = false
    ) -> (hashes: [UInt8], selection: BatchSelection) {
        let selection = BatchSelection(found, acceptsUnproven: acceptsUnproven)
        return (selection.batches.map { $0.chainHash[0] }, selection)
    }

    @Test("copies count once, in whatever order they were found")
    func copies() {
        let batches = [
            Self.batch(3...4, 2, after: 1), Self.batch(1...2, 1, after: 0),
            Self.batch(3...4, 2, after: 1, .inTree), Self.batch(1...2, 1, after: 0, .loose),
        ]
        for found in [batches, batches.reversed()] {
            let (hashes, selection) = Self.chosen(found)
            #expect(hashes == [1, 2])
            #expect(selection.excluded == 0)
        }
    }

    @Test("what the tables lead to wins over a larger batch that was taken back")
    func tree() {
        let (hashes, selection) = Self.chosen([
            Self.batch(1...2, 1, after: 0, .inTree), Self.batch(3...900, 9, after: 1),
            Self.batch(3...4, 2, after: 1, .inTree),
        ])
        #expect(hashes == [1, 2])
        #expect(selection.excluded == 1)
    }

    @Test("of two that claim the same sequences, the chain goes on through one")
    func chain() {
        let (hashes, _) = Self.chosen([
            Self.batch(1...2, 1, after: 0, .inTree), Self.batch(3...900, 9, after: 1),
            Self.batch(3...4, 2, after: 1), Self.batch(5...6, 3, after: 2),
        ])
        #expect(hashes == [1, 2, 3])
        // Also when the one before is lost.
        let (others, _) = Self.chosen([
            Self.batch(3...900, 9, after: 1), Self.batch(3...4, 2, after: 1),
            Self.batch(5...6, 3, after: 2, .inTree),
        ])
        #expect(others == [2, 3])
    }

    @Test("loose octets count when the chain leads to or from them, over any number of batches")
    func loose() {
        let found = [
            Self.batch(1...2, 1, after: 0, .loose), Self.batch(5...6, 3, after: 2, .loose),
            Self.batch(7...8, 4, after: 3, .loose), Self.batch(9...10, 5, after: 4, .inTree),
            Self.batch(11...12, 6, after: 5, .loose), Self.batch(20...21, 8, after: 7, .loose),
            Self.batch(22...23, 9, after: 8, .loose),
        ]
        let (hashes, selection) = Self.chosen(found)
        // The first begins a log: after 32 zeros.
        #expect(hashes == [1, 3, 4, 5, 6])
        #expect(selection.unproven == 2)
        #expect(selection.excluded == 2)
        #expect(Self.chosen(found, acceptsUnproven: true).hashes == [1, 3, 4, 5, 6, 8, 9])
    }

    @Test("a great overlapping batch does not push out several that it overlaps in part")
    func partly() {
        let (hashes, _) = Self.chosen([
            Self.batch(1...4, 1, after: 0), Self.batch(3...8, 9, after: 7),
            Self.batch(5...10, 2, after: 1),
        ])
        #expect(hashes == [1, 2])
        #expect(Self.chosen([]).hashes.isEmpty)
    }
}
