import EventLog
import MailEvents
import MailModel
import NIOCore
import Testing

@testable import Delivery

@Suite("Appends that are too large for the log")
struct AppendPartsTests {
    private let attempt = Attempt(number: 1, reply: Reply(550, nil, "no"), command: "rcpt")

    private func outcome(_ message: UInt64, _ number: Int) -> Event {
        let recipient = RecipientReference(
            message: MessageID(epoch: 1, sequence: message), number: number,
            mailbox: Mailbox(localPart: "r\(number)", domain: "example.org"))
        return Event(
            time: Fixture.start,
            fact: .bounced(
                DeliveryBounced(
                    recipient: recipient, attempt: attempt, class: .invalidRecipient,
                    saidBy: .remote)))
    }

    /// A notification whose `received` stands at `index` of the append.
    private func notice(at index: Int, about message: UInt64) -> [Event] {
        var received = Fixture.received(reversePath: .null)
        received.reportsOn = MessageID(epoch: 1, sequence: message)
        let recipient = RecipientReference(
            message: .inThisAppend(at: index), number: 0,
            mailbox: Mailbox(localPart: "ann", domain: "example.net"))
        return [
            Event(time: Fixture.start, fact: .received(received)),
            Event(
                time: Fixture.start,
                fact: .queued(
                    RecipientQueued(recipient: recipient, due: Fixture.start, notify: .never))),
        ]
    }

    /// Names of the parts' events: b7.0 is a bounce of recipient 0 of message 7, n7 a notification
    /// about it, q@0 its `queued` naming the first event of the append.
    private func names(_ events: [Event]) -> [String] {
        events.map { event in
            switch event.fact {
            case .bounced(let fact):
                "b\(fact.recipient.message.sequence).\(fact.recipient.number)"
            case .received(let fact): "n\(fact.reportsOn?.sequence ?? 0)"
            case .queued(let fact): "q@\(fact.recipient.message.sequence)"
            default: "?"
            }
        }
    }

    @Test("Outcomes without a notification are halved down to one each")
    func halves() {
        let whole = AppendParts(
            events: [outcome(7, 0), outcome(7, 1), outcome(8, 0)], contents: [])
        #expect(whole.parts.map { names($0.events) } == [["b7.0"], ["b7.1", "b8.0"]])
        #expect(!whole.separatesNotice)
        #expect(AppendParts(events: [outcome(7, 0)], contents: []).parts.isEmpty)
    }

    @Test("A notification stays with what it reports, and refers to its new place")
    func together() throws {
        let events =
            [outcome(6, 0), outcome(7, 0), outcome(7, 1)] + notice(at: 3, about: 7)
        let whole = AppendParts(events: events, contents: [Content(eventIndex: 3, bytes: [1, 2])])
        #expect(
            whole.parts.map { names($0.events) }
                == [["b6.0"], ["b7.0", "b7.1", "n7", "q@2"]])
        #expect(whole.parts[0].contents.isEmpty && !whole.separatesNotice)
        #expect(whole.parts[1].contents.map(\.eventIndex) == [2])
        #expect(whole.parts[1].contents.map(\.bytes) == [[1, 2]])
    }

    @Test("What cannot stay together is recorded notification first")
    func apart() {
        let events = [outcome(7, 0)] + notice(at: 1, about: 7) + notice(at: 3, about: 7)
        let whole = AppendParts(
            events: events,
            contents: [Content(eventIndex: 1, bytes: [1]), Content(eventIndex: 3, bytes: [3])])
        #expect(whole.separatesNotice)
        #expect(whole.parts.map { names($0.events) } == [["n7", "q@0", "n7", "q@2"], ["b7.0"]])
        #expect(whole.parts[0].contents.map(\.eventIndex) == [0, 2])
        let notices = AppendParts(events: whole.parts[0].events, contents: whole.parts[0].contents)
        #expect(notices.parts.map { names($0.events) } == [["n7", "q@0"], ["n7", "q@0"]])
        #expect(notices.parts.map { $0.contents.map(\.bytes) } == [[[1]], [[3]]])
        #expect(notices.parts.map { $0.contents.map(\.eventIndex) } == [[0], [0]])
        let last = AppendParts(events: notices.parts[0].events, contents: [])
        #expect(last.parts.isEmpty)
    }

    @Test("A large append is recorded whole in smaller ones, each recipient once")
    func recorded() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group) { command, _ in
                if case .rcpt("r3@example.org") = command {
                    .reply("550 5.1.1 nobody")
                } else {
                    nil
                }
            }
            try await harness.start(DeliveryHarness.policy(port: mx.port))
            let log = try #require(harness.log)
            log.appendMax = (events: 3, octets: .max)
            let id = try await harness.submit(to: (0..<8).map { "r\($0)@example.org" })
            try await harness.waitUntilEmpty()
            for number in 0..<8 {
                let names = try harness.names(of: id, recipient: number)
                #expect(names == ["queued", number == 3 ? "bounced" : "delivered"])
            }
            #expect(log.refusedAppends > 0)
            let notices = mx.messages.filter(\.mail.isEmpty)
            #expect(notices.count == 1 && notices.first?.recipients == ["ann@example.net"])
            #expect(notices.first?.content.contains("r3@example.org") == true)
        }
    }

    @Test("Outcomes that fill an append by themselves have their notification in the same one")
    func together() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group) { command, _ in
                if case .rcpt(let path) = command, path.hasSuffix("@example.org") {
                    .reply("550 5.1.1 nobody")
                } else {
                    nil
                }
            }
            try await harness.start(
                DeliveryHarness.policy(port: mx.port) { $0.recipientsPerTransactionMax = 1000 })
            let count = Limits.eventsPerAppend + 10
            try await harness.submit(to: (0..<count).map { "r\($0)@example.org" })
            try await harness.waitUntilEmpty()
            let appends = try #require(harness.log).appends
            let failing = appends.filter { events in
                events.contains { if case .bounced = $0.fact { true } else { false } }
            }
            #expect(failing.count == 1)
            let notices = failing.joined().filter {
                if case .received = $0.fact { true } else { false }
            }
            #expect(notices.count == 1)
        }
    }

    @Test("A notification that the log never takes is given up, what it reports is recorded")
    func hopeless() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group) { command, _ in
                if case .rcpt = command { .reply("550 5.1.1 nobody") } else { nil }
            }
            try await harness.start(DeliveryHarness.policy(port: mx.port))
            let log = try #require(harness.log)
            log.appendMax = (events: .max, octets: 100)
            let id = try await harness.submit(to: ["bob@example.org"])
            try await harness.waitUntilEmpty()
            #expect(try harness.names(of: id) == ["queued", "bounced"])
            let received = try harness.facts { if case .received = $0 { 1 } else { nil } }
            #expect(received.count == 1)
            // Whole and apart: the notification alone is refused once more, and no further time.
            #expect(log.refusedAppends == 2)
            await harness.stop()
        }
    }

    @Test("A single outcome that the log refuses does not keep delivery from stopping")
    func givenUp() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group)
            try await harness.start(DeliveryHarness.policy(port: mx.port))
            let log = try #require(harness.log)
            log.appendMax = (events: 0, octets: 0)
            let id = try await harness.submit(to: ["bob@example.org"])
            try await harness.wait { log.refusedAppends == 1 }
            let begin = ContinuousClock.now
            await harness.stop(within: .seconds(60))
            #expect(ContinuousClock.now - begin < .seconds(30))
            // The next start finds the recipient as the log has it.
            try await harness.start(DeliveryHarness.policy(port: mx.port))
            try await harness.waitUntilEmpty()
            #expect(try harness.names(of: id) == ["queued", "delivered"])
            #expect(mx.messages.count == 2 && log.refusedAppends == 1)
        }
    }
}
