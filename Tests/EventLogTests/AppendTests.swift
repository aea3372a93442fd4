import EventLog
import Glibc
import Synchronization
import Testing
import WaybillTesting

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

    @Test("100 concurrent appenders give a gapless log with every append in one piece")
    func concurrentAppends() async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        let receipts = await withTaskGroup(of: [(AppendReceipt?, String, Int)].self) { group in
            for appender in 0..<100 {
                group.addTask {
                    var receipts: [(AppendReceipt?, String, Int)] = []
                    for number in 0..<20 {
                        let name = "\(appender)-\(number)"
                        let count = 1 + (appender + number) % 4
                        let receipt = try? await log.append(
                            (0..<count).map { TextEvent(text: "\(name)-\($0)", wantsPlace: true) })
                        receipts.append((receipt, name, count))
                    }
                    return receipts
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
        log.close()
        let read = try events(LogReader.open(directory: scratch.log))
        #expect(read.count == receipts.reduce(0) { $0 + $1.2 })
        for (receipt, name, count) in receipts {
            let first = try #require(receipt).firstSequence
            for index in 0..<count {
                let event = read[Int(first) - 1 + index]
                #expect(event.text == "\(name)-\(index)")
                #expect(event.place == first)
            }
        }
        let report = try LogReader.open(directory: scratch.log).verify(codec: TextCodec())
        #expect(report.isIntact, "\(report.damages)")
        #expect(report.events == UInt64(read.count))
        #expect(report.position == log.position)
    }

    @Test("an observer hears of each commit once, in the order of its appends")
    func observersAreGrouped() throws {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        let outcomes = Outcomes()
        for token in UInt64(0)..<500 {
            log.append(
                Append(events: [TextEvent(text: "\(token)")], observer: outcomes, token: token))
        }
        let all = try outcomes.wait(for: 500)
        #expect(all.map(\.token) == Array(0..<500))
        let sequences = try all.map { try $0.result.get().firstSequence }
        #expect(sequences == Array(1...500))
        log.close()
        var batches = 0
        try LogReader.open(directory: scratch.log).forEachBatch { _ in
            batches += 1
            return true
        }
        #expect(outcomes.calls == batches)
        #expect(batches < 500)
    }

    @Test("a log that takes no content any more still records what becomes of what it has")
    func refusesContent() async throws {
        let log = try openLog(try Scratch())
        let (event, content) = message("one", Array("Hello".utf8))
        _ = try await log.append([event], contents: [content])
        log.refuseContent("epoch 2 is open elsewhere")
        await #expect(throws: EventLogError(.readOnly, "")) {
            _ = try await log.append([event], contents: [content])
        }
        guard case .failure(let error) = log.acceptance() else {
            Issue.record("it accepts")
            return
        }
        #expect(error.code == .readOnly)
        _ = try await log.append([TextEvent(text: "delivered")])
        #expect(log.position.sequence == 2)
        log.close()
    }

    @Test("times never go back along the log, whatever the events say")
    func timesAreRaised() async throws {
        let scratch = try Scratch()
        let clock = TestClock(1_000)
        let log = try openLog(scratch, testConfiguration(clock: clock))
        _ = try await log.append([
            TextEvent(time: 5_000, text: "a"), TextEvent(time: 4_000, text: "b"),
        ])
        _ = try await log.append([
            TextEvent(time: 3_000, text: "c"), TextEvent(time: 6_000, text: "d"),
        ])
        log.close()
        let again = try openLog(scratch, testConfiguration(clock: clock))
        _ = try await again.append([TextEvent(time: 1, text: "e")])
        again.close()
        let read = try events(LogReader.open(directory: scratch.log))
        #expect(read.map(\.time) == [5_000, 5_000, 5_000, 6_000, 6_000])
    }

    @Test("an append that is too large fails alone, and leaves no sequence behind")
    func tooLarge() async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        let octets = [UInt8](repeating: 0, count: EventLogLimits.appendOctetsMax)
        await #expect(throws: EventLogError(.tooLarge, "")) {
            try await log.append(
                [TextEvent(text: "big")], contents: [Content(eventIndex: 0, bytes: octets)])
        }
        #expect(try await log.append([TextEvent(text: "small")]).firstSequence == 1)
        log.close()
    }

    @Test("what waits for the disk is bounded: more is refused as overloaded")
    func backlog() throws {
        let scratch = try Scratch()
        let blocker = Blocker()
        let log = try openLog(
            scratch,
            testConfiguration {
                $0.backlogEventsMax = 10
                $0.faults = StorageFaults {
                    blocker.pass()
                    return nil
                }
            })
        let outcomes = Outcomes()
        for token in UInt64(0)..<20 {
            log.append(
                Append(events: [TextEvent(text: "\(token)")], observer: outcomes, token: token))
        }
        #expect(throws: EventLogError(.overloaded, "")) { try log.acceptance().get() }
        blocker.open()
        let all = try outcomes.wait(for: 20)
        let refused = all.filter { (try? $0.result.get()) == nil }
        #expect(Set(refused.map(\.token)) == Set(10..<20))
        #expect(refused.allSatisfy { $0.result == .failure(EventLogError(.overloaded, "")) })
        log.close()
        #expect(log.position.sequence == 10)
    }

    @Test("closing writes what was appended, then refuses on the caller's thread")
    func closeDrains() throws {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        let outcomes = Outcomes()
        for token in UInt64(0)..<200 {
            log.append(
                Append(events: [TextEvent(text: "\(token)")], observer: outcomes, token: token))
        }
        log.close()
        #expect(outcomes.all.count == 200)
        #expect(try events(LogReader.open(directory: scratch.log)).count == 200)
        log.append(Append(events: [TextEvent(text: "late")], observer: outcomes, token: 999))
        #expect(outcomes.all.last?.result == .failure(EventLogError(.closed, "")))
        #expect(throws: EventLogError(.closed, "")) { try log.acceptance().get() }
    }

    @Test("an append around the closing is answered, whichever way", arguments: 0..<20)
    func appendsWhileClosing(round: Int) async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        let outcomes = Outcomes()
        let appended = Task.detached {
            var token: UInt64 = 0
            while token < 20_000, log.acceptance().isSuccess {
                log.append(
                    Append(events: [TextEvent(text: "x")], observer: outcomes, token: token))
                token += 1
            }
            // It is closing: some more meet its very end.
            for _ in 0..<2_000 {
                log.append(
                    Append(events: [TextEvent(text: "x")], observer: outcomes, token: token))
                token += 1
            }
            return Int(token)
        }
        usleep(UInt32(1_000 + round * 200))
        log.close()
        let count = await appended.value
        #expect(Set(try outcomes.wait(for: count).map(\.token)).count == count)
        #expect(outcomes.all.count == count)
    }

    @Test("a batch is bounded in events and in octets")
    func batchBounds() throws {
        let scratch = try Scratch()
        let blocker = Blocker()
        let log = try openLog(
            scratch,
            testConfiguration {
                $0.batchEventsMax = 10
                $0.batchOctetsMax = 1_000
                $0.faults = StorageFaults {
                    blocker.pass()
                    return nil
                }
            })
        let outcomes = Outcomes()
        for token in UInt64(0)..<40 {
            let (event, content) = message("\(token)", [UInt8](repeating: 1, count: 300))
            log.append(
                Append(
                    events: [event], contents: token < 20 ? [content] : [], observer: outcomes,
                    token: token))
        }
        blocker.open()
        _ = try outcomes.wait(for: 40)
        log.close()
        var sizes: [Int] = []
        try LogReader.open(directory: scratch.log).forEachBatch { batch in
            sizes.append(Int(batch.header.count))
            return true
        }
        // The first batch is what was there when the writer woke up.
        #expect(sizes.reduce(0, +) == 40)
        #expect(sizes.allSatisfy { $0 <= 10 })
        #expect(sizes.prefix(4).allSatisfy { $0 <= 3 })
    }

    @Test("every batch passes every follower once, from the sequence that follow returned")
    func followers() async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        let appending = Task.detached {
            for number in 0..<600 { _ = try await log.append([TextEvent(text: "\(number)")]) }
        }
        var followed: [(Batches, UInt64)] = []
        for _ in 0..<20 {
            let batches = Batches()
            followed.append((batches, log.follow(batches)))
            try await Task.sleep(for: .milliseconds(5))
        }
        try await appending.value
        log.close()
        for (batches, returned) in followed {
            var next = returned + 1
            for batch in batches.all {
                #expect(batch.firstSequence == next)
                #expect(batch.events.first?.text == "\(next - 1)")
                #expect(batch.position.sequence == batch.lastSequence)
                next = batch.lastSequence + 1
            }
            #expect(next == 601)
        }
    }

    @Test("a follower gets the contents that a batch stores, by sequence")
    func followerContents() async throws {
        let scratch = try Scratch()
        let log = try openLog(scratch)
        let batches = Batches()
        #expect(log.follow(batches) == 0)
        let (event, content) = message("with", [1, 2, 3])
        _ = try await log.append(
            [TextEvent(text: "before"), event],
            contents: [Content(eventIndex: 1, bytes: content.bytes)])
        log.unfollow(batches)
        _ = try await log.append([TextEvent(text: "after")])
        log.close()
        #expect(batches.all.count == 1)
        #expect(batches.all.first?.contents.map(\.sequence) == [2])
        #expect(batches.all.first?.contents.first?.bytes == [1, 2, 3])
    }

    @Test("acceptance stops below the floor of free space, and appends do not")
    func freeSpaceFloor() async throws {
        let scratch = try Scratch()
        let free = Mutex<UInt64>(2_000)
        let time = Mutex<UInt64>(0)
        let looks = Mutex(0)
        let log = try openLog(
            scratch,
            testConfiguration {
                $0.freeBytesFloor = 1_000
                $0.monotonicMilliseconds = { time.withLock { $0 } }
                $0.freeBytes = { _ in
                    looks.withLock { $0 += 1 }
                    return free.withLock { $0 }
                }
            })
        #expect(throws: Never.self) { try log.acceptance().get() }
        free.withLock { $0 = 999 }
        #expect(throws: Never.self) { try log.acceptance().get() }
        #expect(looks.withLock { $0 } == 1)
        time.withLock { $0 += EventLogLimits.freeSpaceIntervalMilliseconds }
        #expect(throws: EventLogError(.outOfSpace, "")) { try log.acceptance().get() }
        #expect(try await log.append([TextEvent(text: "still")]).firstSequence == 1)
        free.withLock { $0 = 1_000 }
        time.withLock { $0 += EventLogLimits.freeSpaceIntervalMilliseconds }
        #expect(throws: Never.self) { try log.acceptance().get() }
        log.close()
    }
}

/// Holds the writer back until it is opened.
final class Blocker: Sendable {
    private let isOpen = Mutex(false)
    var isOpened: Bool { isOpen.withLock { $0 } }
    func open() { isOpen.withLock { $0 = true } }
    func pass() { while !isOpen.withLock({ $0 }) { usleep(1_000) } }
}

extension Result {
    fileprivate var isSuccess: Bool {
        if case .success = self { true } else { false }
    }
}
