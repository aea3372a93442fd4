import EventLog
import Testing

@testable import EventLog

@Suite("Appending")
struct AppendTests {
    @Test("an append is durable with the next sequences and reads back as it was resolved")
    func appendAndRead() async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        let first = try await log.append([
            TextEvent(text: "one", wantsPlace: true), TextEvent(text: "two", wantsPlace: true),
        ])
        let second = try await log.append([TextEvent(text: "three", wantsPlace: true)])
        #expect(first == AppendReceipt(epoch: 1, firstSequence: 1))
        #expect(second == AppendReceipt(epoch: 1, firstSequence: 3))
        let read = try events(log.reader)
        #expect(read.map(\.text) == ["one", "two", "three"])
        #expect(read.map(\.place) == [1, 1, 3])
        #expect(log.position.sequence == 3)
        log.close()
        #expect(try events(LogReader.open(directory: scratch.log)) == read)
    }
}
