import EventLog
import MailEvents
import MailModel
import Projections
import Testing

@testable import MailProjections

@Suite("Open attempts")
struct OpenAttemptTests {
    /// A queue with one message for two recipients, and what happens to it.
    private struct Story {
        var queue = Queue()
        let id = MessageID(epoch: 1, sequence: 1)

        init() {
            apply(
                .received(
                    MessageReceived(
                        reversePath: .null, sizeOctets: 1,
                        contentSHA256: [UInt8](repeating: 0, count: 32), recipientCount: 2,
                        session: IngressSession(
                            listener: "", serverName: "", transmissionType: .local))))
            for number in 0..<2 {
                apply(
                    .queued(
                        RecipientQueued(
                            recipient: recipient(number), due: EventTime(microseconds: 0))))
            }
        }

        func recipient(_ number: Int) -> RecipientReference {
            RecipientReference(
                message: id, number: number,
                mailbox: Mailbox(localPart: "r\(number)", domain: "x.example"))
        }

        mutating func apply(_ fact: Fact) {
            let sequence = queue.lastSequence + 1
            queue.apply(
                RecordedEvent(
                    sequence: sequence, epoch: 1,
                    event: Event(
                        time: EventTime(microseconds: Int64(sequence) * 1_000_000), fact: fact)))
        }

        mutating func announce(_ number: Int, attempt: Int = 1) {
            apply(
                .attempted(
                    DeliveryAttempted(
                        recipient: recipient(number),
                        attempt: Attempt(
                            number: attempt, reply: Reply(354, nil, "go"), command: "data",
                            peer: DeliveryPeer(
                                host: "mx.x.example", address: "192.0.2.9", port: 25,
                                sourceAddress: "192.0.2.1", tlsVersion: "TLSv1.3")))))
        }

        mutating func postpone(_ number: Int, inDoubt: Bool, _ saidBy: SaidBy = .local) {
            apply(
                .deferred(
                    DeliveryDeferred(
                        recipient: recipient(number),
                        attempt: Attempt(number: 1, reply: Reply(421, nil, "lost"), command: "dot"),
                        class: .badConnection, saidBy: saidBy,
                        nextDue: EventTime(microseconds: 0), inDoubt: inDoubt)))
        }

        func open(_ number: Int) -> OpenAttempt? { queue.attempts.attempt(for: id, number) }
    }

    @Test("Announced, in doubt, decided")
    func decided() throws {
        var story = Story()
        story.announce(0)
        let open = try #require(story.open(0))
        #expect(!open.isHeld && open.attempt == 1 && open.sequence == 4)
        #expect(open.peer?.host == "mx.x.example" && open.peer?.tlsVersion == "")
        #expect(story.queue.counts.held == 0 && story.queue.counts.inDoubt == 1)
        story.postpone(0, inDoubt: true)
        #expect(story.open(0)?.heldSince == EventTime(microseconds: 5_000_000))
        #expect(story.queue.counts.held == 1 && story.open(1) == nil)
        #expect(story.queue.message(story.id)?.recipients[0].hasOpenIntent == true)
        // Said once more, it is held since the first time.
        story.postpone(0, inDoubt: true)
        #expect(story.queue.attempts.heldSince == EventTime(microseconds: 5_000_000))
        story.postpone(0, inDoubt: true, .administrator)
        #expect(story.queue.attempts.isEmpty && story.queue.counts.held == 0)
        // That it was in doubt once is remembered.
        #expect(story.queue.counts.inDoubt == 1)
    }

    @Test("A settled outcome closes it, and doubt without an intent holds nobody")
    func settled() {
        var story = Story()
        story.announce(0)
        story.postpone(0, inDoubt: false)
        #expect(story.queue.attempts.isEmpty)
        story.postpone(1, inDoubt: true)
        #expect(story.queue.attempts.isEmpty && story.queue.counts.held == 0)
        for (number, outcome) in [
            Fact.delivered(
                DeliverySucceeded(
                    recipient: story.recipient(0),
                    attempt: Attempt(number: 2, reply: Reply(250, nil, "ok"), command: "dot"))),
            .bounced(DeliveryBounced(cancelling: story.recipient(1), reason: "")),
        ].enumerated() {
            story.announce(number)
            story.postpone(number, inDoubt: true)
            #expect(story.queue.counts.held == 1)
            story.apply(outcome)
            #expect(story.queue.counts.held == 0)
        }
        #expect(story.queue.counts.recipients == 0 && story.queue.attempts.isEmpty)
    }

    @Test("A checkpoint brings it back, and takes it out when it is settled")
    func checkpoints() throws {
        func position(_ queue: Queue) -> Position {
            Position(
                epoch: 1, sequence: queue.lastSequence,
                chainHash: [UInt8](repeating: 7, count: 32))
        }
        var story = Story()
        var file = Rows()
        story.announce(0)
        story.announce(1)
        file.apply(story.queue.takeCheckpoint(at: position(story.queue)))
        story.postpone(0, inDoubt: true)
        story.postpone(1, inDoubt: false)
        file.apply(story.queue.takeCheckpoint(at: position(story.queue)))
        var loaded = try #require(file.load())
        #expect(loaded.attempts.all == story.queue.attempts.all && loaded.counts.held == 1)
        #expect(loaded.digest() == story.queue.digest())
        #expect(loaded.takeCheckpoint(at: position(loaded)).changes.count == 1)
    }

    @Test("Pages are cut by what is looked at, and keys have a text")
    func pages() {
        var story = Story()
        story.announce(0)
        story.announce(1)
        let attempts = story.queue.attempts
        let first = attempts.next(after: nil, limit: 1)
        #expect(first.map(\.number) == [0])
        let key = OpenAttempts.Key(story.id, 0)
        #expect(key.description == "1.0" && OpenAttempts.Key("1.0") == key)
        #expect(attempts.next(after: key, limit: 9).map(\.number) == [1])
        #expect(["", "1", "1.", "a.0", "1.0.0", "-1.0"].allSatisfy { OpenAttempts.Key($0) == nil })
        #expect(attempts.attempt(for: MessageID(epoch: 2, sequence: 1), 0) == nil)
    }
}
