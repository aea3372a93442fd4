import EventLog
import MailEvents
import MailModel
import Projections
import Testing
import WaybillTesting

@testable import MailProjections

/// A server's data directory with a real log.
private final class Site {
    let directory: TemporaryDirectory
    let log: EventLog<MailEventCodec>
    var generator = EventGenerator(seed: 31)

    init() throws {
        directory = try TemporaryDirectory()
        var configuration = EventLogConfiguration()
        configuration.allowAnyFileSystem = true
        configuration.freeBytesFloor = 0
        log = try EventLog.open(
            directory: directory.path + "/log", codec: MailEventCodec(),
            configuration: configuration)
    }

    deinit { log.close() }

    /// Accepts a message.
    func accept(recipients: Int = 1) async throws -> MessageID {
        let (events, contents) = generator.acceptance(recipients: recipients)
        let receipt = try await log.append(events, contents: contents)
        return MessageID(epoch: receipt.epoch, sequence: receipt.firstSequence)
    }

    /// Records what became of a recipient.
    func record(_ facts: Fact...) async throws {
        _ = try await log.append(facts.map { Event(time: generator.clock, fact: $0) })
    }

    func queue() throws -> Queue {
        try Queue.loadReadOnly(dataDirectory: directory.path, log: log.reader).state
    }
}

extension QueuedMessage {
    fileprivate func reference(_ index: Int) -> RecipientReference {
        RecipientReference(
            message: id, number: recipients[index].number, mailbox: recipients[index].mailbox,
            tenant: tenant, campaign: campaign)
    }
}

private let attempt = Attempt(
    number: 1, reply: Reply(451, EnhancedStatusCode(4, 7, 1), "later"), command: "rcpt")

private func delivered(_ recipient: RecipientReference) -> Fact {
    .delivered(DeliverySucceeded(recipient: recipient, attempt: attempt))
}

private func deferred(_ recipient: RecipientReference) -> Fact {
    .deferred(
        DeliveryDeferred(
            recipient: recipient, attempt: attempt, class: .transientFailure, saidBy: .remote,
            nextDue: EventTime(microseconds: 1_800_000_000_000_000)))
}

/// Collects what the log's writer hands over.
private final class Batches: LogFollower, @unchecked Sendable {
    // @unchecked because the test reads only after the append it waits for has been handed over.
    var queue: Queue
    init(_ queue: Queue) { self.queue = queue }
    func committed(_ batch: CommittedBatch<Event>) { queue.apply(batch) }
}

@Suite("The queue and a real log")
struct QueueOnLogTests {
    @Test("Live batches, decoded batches, checkpoints and restarts give one queue")
    func sameQueue() async throws {
        let site = try Site()
        let follower = Batches(Queue())
        #expect(site.log.follow(follower) == 0)
        for round in 0..<30 {
            let id = try await site.accept(recipients: 1 + round % 5 * 20)
            let message = try #require(try site.queue().message(id))
            try await site.record(deferred(message.reference(0)))
            if round % 2 == 0 {
                try await site.record(delivered(message.reference(0)))
            }
            if round % 7 == 0 {
                var (queue, store, report) = try Queue.load(
                    dataDirectory: site.directory.path, log: site.log.reader)
                #expect(report.setback == nil)
                let checkpoint = queue.takeCheckpoint()
                try store.write(try #require(checkpoint))
                let none = queue.takeCheckpoint()
                #expect(none == nil)
            }
        }
        site.log.close()
        let (queue, report) = try Queue.loadReadOnly(
            dataDirectory: site.directory.path, log: site.log.reader)
        #expect(report.checkpoint != nil)
        let (plain, plainReport) = try Queue.loadReadOnly(
            dataDirectory: site.directory.path + "/nowhere", log: site.log.reader)
        #expect(plainReport.replayed == queue.lastSequence)
        #expect(queue.digest() == plain.digest())
        #expect(queue.digest() == follower.queue.digest())
        #expect(queue.position == site.log.position)
        #expect(follower.queue.position == site.log.position)
        #expect(queue.counts.messages == 27)
    }

    @Test("A queue whose checkpoint could not be written gives a whole one next")
    func failedCheckpoint() async throws {
        let site = try Site()
        _ = try await site.accept()
        var (queue, store, _) = try Queue.load(
            dataDirectory: site.directory.path, log: site.log.reader)
        _ = queue.takeCheckpoint()
        queue.forgetChanges()
        let next = queue.takeCheckpoint()
        let whole = try #require(next)
        #expect(whole.isWhole)
        #expect(whole.changes.count == 2)
        try store.write(whole)
    }
}

@Suite("Traces")
struct MessageTraceTests {
    @Test("A message's events in order, from received to the last recipient's end")
    func byID() async throws {
        let site = try Site()
        let id = try await site.accept(recipients: 2)
        let other = try await site.accept()
        let message = try #require(try site.queue().message(id))
        let unrelated = try #require(try site.queue().message(other))
        try await site.record(delivered(message.reference(1)), deferred(message.reference(0)))
        try await site.record(deferred(unrelated.reference(0)))
        let open = try #require(try MessageTrace.read(id, from: site.log.reader))
        #expect(!open.isFinal)
        #expect(open.events.map(\.sequence) == [1, 2, 3, 6, 7])
        try await site.record(delivered(message.reference(0)))
        try await site.record(deferred(unrelated.reference(0)))
        let trace = try #require(try MessageTrace.read(id, from: site.log.reader))
        #expect(trace.isFinal)
        #expect(trace.events.map(\.sequence) == [1, 2, 3, 6, 7, 9])
        #expect(trace.events.allSatisfy { $0.messageID == id })
        #expect(trace.notifications == [])
        #expect(try MessageTrace.read(other, from: site.log.reader)?.events.count == 4)
    }

    @Test("A notification is named by the message it reports on")
    func notification() async throws {
        let site = try Site()
        let id = try await site.accept()
        let message = try #require(try site.queue().message(id))
        var (events, contents) = site.generator.acceptance()
        guard case .received(var received) = events[0].fact else { return }
        received.reversePath = .null
        received.reportsOn = id
        events[0].fact = .received(received)
        let bounce = Event(
            time: site.generator.clock,
            fact: .bounced(
                DeliveryBounced(
                    recipient: message.reference(0), attempt: attempt, class: .invalidRecipient,
                    saidBy: .remote)))
        let receipt = try await site.log.append(events + [bounce], contents: contents)
        let trace = try #require(try MessageTrace.read(id, from: site.log.reader))
        #expect(trace.isFinal)
        #expect(trace.notifications.map(\.sequence) == [receipt.firstSequence])
        #expect(trace.events.map(\.sequence) == [1, 2, receipt.firstSequence + 2])
    }

    @Test("What is no message has no trace")
    func unknown() async throws {
        let site = try Site()
        _ = try await site.accept()
        for id in [
            MessageID(epoch: 1, sequence: 2), MessageID(epoch: 1, sequence: 99),
            MessageID(epoch: 2, sequence: 1),
        ] {
            #expect(try MessageTrace.read(id, from: site.log.reader) == nil)
        }
    }
}
