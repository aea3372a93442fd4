import EventLog
import MailEvents
import MailModel
import MailProjections
import NIOCore
import NIOPosix
import Synchronization
import Testing
import WaybillTesting

@testable import Delivery

@Suite("Delivery stopped and started", .serialized)
struct DeliveryRestartTests {
    @Test("A stop lets a transaction finish; what waits is sent after the next start, once")
    func gracefulStop() async throws {
        try await DeliveryHarness.run { harness in
            let (mx, gate) = try await harness.gatedServer()
            defer { gate.succeed() }
            let policy = DeliveryHarness.policy(port: mx.port) { $0.connectionsMax = 1 }
            try await harness.start(policy)
            var ids: [MessageID] = []
            for number in 0..<3 {
                ids.append(try await harness.submit(to: ["r\(number)@example.org"]))
            }
            try await harness.wait { mx.messages.count == 1 }
            let delivery = try #require(harness.delivery)
            // The first message's reply comes when the stop has begun.
            async let stopped: Void = harness.stop()
            try await harness.wait { await delivery.isStopping }
            gate.succeed()
            await stopped
            #expect(mx.messages.count == 1)

            try await harness.start(policy)
            #expect(try harness.names(of: ids[0]) == ["queued", "delivered"])
            try await harness.waitUntilEmpty()
            for id in ids { #expect(try harness.names(of: id) == ["queued", "delivered"]) }
            #expect(mx.messages.count == 3)
        }
    }

    @Test("A transaction cut off by the stop's deadline leaves no event, or an honest one")
    func hardStop() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group) { command, place in
                switch command {
                case .dot where place.recipients == ["dot@example.org"]: .silence
                case .data where place.recipients == ["data@example.org"]: .silence
                default: nil
                }
            }
            let policy = DeliveryHarness.policy(port: mx.port)
            try await harness.start(policy)
            let dot = try await harness.submit(to: ["dot@example.org"])
            let data = try await harness.submit(to: ["data@example.org"])
            try await harness.wait {
                mx.messages.count == 1 && mx.commands.filter { $0 == "DATA" }.count == 2
            }
            await harness.stop(within: .milliseconds(100))
            try await harness.start(policy)
            #expect(try harness.names(of: dot) == ["queued", "deferred"])
            #expect(try harness.names(of: data) == ["queued"])
            let deferred = try harness.facts {
                if case .deferred(let fact) = $0 { fact } else { nil }
            }
            #expect(deferred.first?.inDoubt == true)
        }
    }

    @Test("A message whose content the log has dropped bounces, and its sender is told why")
    func contentDropped() async throws {
        try await Self.withoutContent(EventLogError(.notFound, "dropped")) { harness, id in
            try await harness.wait { try harness.names(of: id).contains("bounced") }
            #expect(try Set(harness.names(of: id)) == ["queued", "deferred", "bounced"])
            #expect(try harness.names(of: id).last == "bounced")
            let bounced = try harness.facts {
                if case .bounced(let fact) = $0 { fact } else { nil }
            }
            #expect(bounced.first?.attempt.reply.text == "the content of the message is lost")
            #expect(bounced.first?.attempt.reply.code == 554)
            let notices = try harness.facts {
                if case .received(let fact) = $0 { fact.reportsOn } else { nil }
            }
            #expect(notices == [id])
        }
    }

    @Test("A message whose content cannot be read stays deferred, and says why")
    func contentDamaged() async throws {
        try await Self.withoutContent(EventLogError(.damaged, "damaged")) { harness, id in
            try await harness.wait {
                try harness.facts {
                    if case .deferred(let fact) = $0 { fact.attempt.reply.text } else { nil }
                }.last == "the message cannot be read from the log"
            }
            #expect(try Set(harness.names(of: id)) == ["queued", "deferred"])
            harness.log?.contentFailure = nil
            try await harness.wait { try harness.names(of: id).last == "delivered" }
        }
    }

    @Test("What was still being read when the right to deliver ended is not sent")
    func rightEndsWhileReading() async throws {
        try await DeliveryHarness.run { harness in
            let refuses = Mutex(true)
            let mx = try await ScriptedMX.start(group: harness.group) { command, _ in
                guard case .mail = command, refuses.withLock({ $0 }) else { return nil }
                return .reply("451 4.3.0 later")
            }
            let policy = DeliveryHarness.policy(port: mx.port)
            try await harness.start(policy)
            let id = try await harness.submit(to: ["ann@example.org"])
            try await harness.wait { try harness.names(of: id).contains("deferred") }
            await harness.stop()
            refuses.withLock { $0 = false }
            let asked = mx.commands.filter { $0.hasPrefix("MAIL") }.count
            // Behind a refused MAIL the pipelined DATA ends without a message.
            let taken = mx.messages.count
            // 0: nothing is read yet; 1: it is being read; 2: it may go on.
            let step = Monitor(0)
            try await harness.start(
                policy,
                beforeReading: {
                    step.withLock { $0 = max($0, 1) }
                    step.wait(while: { $0 < 2 }, then: { _ in })
                })
            try await harness.wait { step.withLock { $0 } == 1 }
            harness.log?.mayDeliver = false
            step.withLock { $0 = 2 }
            step.broadcast()
            let delivery = try #require(harness.delivery)
            try await harness.wait { await delivery.snapshot().waitingReads == 0 }
            // Long enough for MAIL to be sent, if it is.
            try await harness.group.next().scheduleTask(in: .milliseconds(300)) {}.futureResult
                .get()
            #expect(mx.commands.filter { $0.hasPrefix("MAIL") }.count == asked)
            #expect(try !harness.names(of: id).contains("delivered"))
            await harness.stop()
            // It is as it was.
            try await harness.start(policy)
            try await harness.waitUntilEmpty()
            #expect(try harness.names(of: id).last == "delivered")
            #expect(mx.messages.count == taken + 1)
        }
    }

    /// A message that was deferred once, in a server that starts and cannot read its content.
    private static func withoutContent(
        _ error: EventLogError, _ body: (DeliveryHarness, MessageID) async throws -> Void
    ) async throws {
        try await DeliveryHarness.run { harness in
            let refuses = Mutex(true)
            let mx = try await ScriptedMX.start(group: harness.group) { command, _ in
                guard case .mail = command, refuses.withLock({ $0 }) else { return nil }
                return .reply("451 4.3.0 later")
            }
            let policy = DeliveryHarness.policy(port: mx.port)
            try await harness.start(policy)
            let id = try await harness.submit(to: ["ann@example.org"])
            try await harness.wait { try harness.names(of: id).contains("deferred") }
            await harness.stop()
            refuses.withLock { $0 = false }
            try await harness.start(policy, contentFailure: error)
            try await body(harness, id)
        }
    }

    @Test("Due times and attempts survive a restart")
    func survives() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group) { command, _ in
                if case .mail = command { .reply("451 4.3.0 later") } else { nil }
            }
            var policy = DeliveryHarness.policy(port: mx.port)
            policy.retry.standard = RetrySchedule(firstIntervalSeconds: 3600)
            try await harness.start(policy)
            let id = try await harness.submit(to: ["bob@example.org"])
            try await harness.wait { try harness.names(of: id).contains("deferred") }
            await harness.stop()
            try await harness.start(policy)
            let snapshot = try #require(await harness.delivery?.snapshot())
            #expect(snapshot.scheduledRecipients == 1 && snapshot.activeRecipients == 0)
            let attempts = await harness.delivery?.withQueue {
                $0.message(id)?.recipients.first?.attempts
            }
            #expect(attempts == 1)
        }
    }

    @Test(
        "With random failures at every point each recipient reaches exactly one final state",
        arguments: [1, 2, 3])
    func soak(seed: Int) async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group) { command, place in
                Self.mood(command, place, seed: seed)
            }
            let policy = DeliveryHarness.policy(port: mx.port) {
                $0.connectionsMax = 5
                $0.messagesPerConnectionMax = 20
                $0.recipientsPerTransactionMax = 3
            }
            try await harness.start(policy)
            var recipients: [(MessageID, Int)] = []
            for number in 0..<300 {
                let count = 1 + number % 5
                let id = try await harness.submit(
                    to: (0..<count).map { "m\(number)r\($0)@example.org" }, notify: .never,
                    campaign: "c\(number % 3)")
                recipients += (0..<count).map { (id, $0) }
                if number == 150 {
                    await harness.stop(within: .milliseconds(50))
                    try await harness.start(policy)
                }
            }
            try await harness.waitUntilEmpty(seconds: 120)
            try check(harness, mx, recipients)
        }
    }

    /// What the server does depends on the seed and on how much it has seen.
    private static func mood(
        _ command: ScriptedMX.Command, _ place: ScriptedMX.Place, seed: Int
    ) -> ScriptedMX.Answer? {
        var random = SeededRandom(
            seed: UInt64(
                seed &* 7919 &+ place.connection &* 104_729 &+ place.transaction &* 31
                    &+ place.recipients.count))
        for _ in 0..<3 { _ = random.next() }
        switch command {
        case .connect: return random.oneIn(12) ? .replyThenDrop("421 4.3.2 busy") : nil
        case .mail: return random.oneIn(20) ? .drop : nil
        case .rcpt:
            if random.oneIn(10) { return .reply("451 4.2.0 not now") }
            return random.oneIn(15) ? .reply("550 5.1.1 never") : nil
        case .data: return random.oneIn(25) ? .reply("451 4.3.0 no data") : nil
        case .dot:
            if random.oneIn(20) { return .drop }
            if random.oneIn(20) { return .reply("452 4.3.1 full") }
            return random.oneIn(40) ? .replyThenDrop("250 2.0.0 and goodbye") : nil
        case .hello, .startTLS, .auth, .rset, .quit: return nil
        }
    }

    private func check(
        _ harness: DeliveryHarness, _ mx: ScriptedMX, _ recipients: [(MessageID, Int)]
    ) throws {
        struct Key: Hashable { var message: MessageID; var number: Int }
        var names: [Key: [String]] = [:]
        var delivered: Set<String> = []
        var doubtful: Set<String> = []
        var attempts: [Key: Int] = [:]
        for event in try harness.events() {
            func note(_ recipient: RecipientReference, _ name: String, _ attempt: Attempt) {
                let key = Key(message: recipient.message, number: recipient.number)
                names[key, default: []].append(name)
                #expect(attempt.number == attempts[key, default: 0] + 1)
                attempts[key] = attempt.number
                if name == "delivered" { delivered.insert(recipient.mailbox.description) }
            }
            switch event.event.fact {
            case .delivered(let fact): note(fact.recipient, "delivered", fact.attempt)
            case .bounced(let fact): note(fact.recipient, "bounced", fact.attempt)
            case .expired(let fact): note(fact.recipient, "expired", fact.attempt)
            case .deferred(let fact):
                note(fact.recipient, "deferred", fact.attempt)
                if fact.inDoubt { doubtful.insert(fact.recipient.mailbox.description) }
            default: break
            }
        }
        for (message, number) in recipients {
            let all = names[Key(message: message, number: number)] ?? []
            let final = all.filter { $0 != "deferred" }
            #expect(final.count == 1 && all.last == final.first, "\(message) \(number): \(all)")
        }
        var taken: [String: Int] = [:]
        for message in mx.messages {
            for recipient in message.recipients { taken[recipient, default: 0] += 1 }
        }
        // Whoever is recorded as delivered was taken by the server.
        for recipient in delivered { #expect((taken[recipient] ?? 0) >= 1, "\(recipient)") }
        #expect(!doubtful.isEmpty && delivered.count > 300)
    }
}
