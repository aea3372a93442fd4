import EventLog
import MailEvents
import MailModel
import MailProjections
import NIOCore
import Synchronization
import Testing

@testable import Delivery

extension DeliveryHarness {
    /// A policy that holds mail in doubt at `example.org`.
    static func holding(
        port: Int, after: Int64? = nil, verdict: DoubtPolicy.Verdict = .retry,
        demand: StandbyDemand? = nil
    ) -> DeliveryPolicy {
        var policy = policy(port: port)
        policy.doubt = DoubtPolicy(
            rules: [
                .init(
                    queues: QueuePattern(domain: .exactly("example.org")),
                    terms: .init(mode: .hold, decideAfterSeconds: after, verdict: verdict))
            ], demand: demand)
        return policy
    }

    /// Events about a recipient, `attempted` included.
    func story(of message: MessageID, recipient number: Int = 0) throws -> [String] {
        try events().compactMap { event in
            guard event.event.fact.recipient?.message == message,
                event.event.fact.recipient?.number == number
            else { return nil }
            return switch event.event.fact {
            case .queued: "queued"
            case .attempted: "attempted"
            case .deferred(let fact):
                fact.saidBy.isDecision ? "decided" : fact.inDoubt ? "in doubt" : "deferred"
            case .delivered: "delivered"
            case .bounced: "bounced"
            case .expired: "expired"
            default: nil
            }
        }
    }

    /// Waits until so many recipients wait for a decision, and none is under way.
    func waitUntilInDoubt(_ count: Int) async throws {
        try await wait {
            let snapshot = await self.delivery?.snapshot()
            return snapshot?.inDoubtRecipients == count && snapshot?.activeRecipients == 0
        }
    }

    /// Decides about a recipient that is held, as an order does.
    func decide(_ decision: DoubtDecision, _ message: MessageID, _ number: Int = 0) async throws {
        let queued = try #require(await delivery?.withQueue { $0.message(message) } ?? nil)
        let recipient = try #require(queued.recipients.first { $0.number == number })
        let open = try #require(
            await delivery?.withQueue { $0.attempts.attempt(for: message, number) } ?? nil)
        let reference = RecipientReference(
            message: message, number: number, mailbox: recipient.mailbox, tenant: queued.tenant,
            campaign: queued.campaign)
        let now = Self.now()
        let fact = Fact(
            deciding: decision, about: reference, attempt: open.attempt, peer: open.peer,
            saidBy: .administrator, words: "a test", at: now)
        _ = try await #require(log).log.append([Event(time: now, fact: fact)])
    }
}

/// Mail in doubt, against a server on this machine.
@Suite("Delivery: mail in doubt", .serialized)
struct DeliveryDoubtTests {
    /// Drops the connection after the first final dot.
    private static func drop(_ group: any EventLoopGroup) async throws -> ScriptedMX {
        let dropped = Mutex(false)
        return try await ScriptedMX.start(group: group) { command, _ in
            guard case .dot = command else { return nil }
            return dropped.withLock { dropped in
                defer { dropped = true }
                return dropped ? nil : .drop
            }
        }
    }

    @Test("An attempt is announced before its dot, where the queue holds, and only there")
    func announced() async throws {
        try await DeliveryHarness.run { harness in
            let seen = Mutex<[Int]>([])
            let mx = try await ScriptedMX.start(group: harness.group) { command, _ in
                guard case .dot = command else { return nil }
                let intents = try? harness.facts { if case .attempted = $0 { 1 } else { nil } }
                seen.withLock { $0.append(intents?.count ?? -1) }
                return nil
            }
            try await harness.start(DeliveryHarness.holding(port: mx.port))
            let id = try await harness.submit(to: ["bob@example.org", "eve@example.net"])
            try await harness.waitUntilEmpty()
            #expect(try harness.story(of: id) == ["queued", "attempted", "delivered"])
            #expect(try harness.story(of: id, recipient: 1) == ["queued", "delivered"])
            #expect(seen.withLock { $0.contains(1) && !$0.contains(-1) })
            let intent = try #require(
                try harness.facts { if case .attempted(let fact) = $0 { fact } else { nil } }.first)
            #expect(intent.attempt.number == 1 && intent.attempt.reply.code == 354)
            #expect(intent.attempt.command == "data" && intent.attempt.peer?.port == mx.port)
            let snapshot = await harness.delivery?.snapshot()
            #expect(snapshot?.announcements.here == 1 && snapshot?.inDoubtRecipients == 0)
        }
    }

    @Test("The reply to the dot is lost: held, over a restart too, until it is decided")
    func heldAndRetried() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await Self.drop(harness.group)
            try await harness.start(DeliveryHarness.holding(port: mx.port))
            let id = try await harness.submit(to: ["bob@example.org"])
            try await harness.waitUntilInDoubt(1)
            #expect(try harness.story(of: id) == ["queued", "attempted", "in doubt"])
            await harness.stop()
            // Whatever the policy says now: the intent was logged.
            try await harness.start(DeliveryHarness.policy(port: mx.port))
            try await harness.waitUntilInDoubt(1)
            try await harness.submit(to: ["eve@example.net"])
            try await harness.wait { mx.messages.count == 2 }
            try await harness.decide(.retry, id)
            try await harness.waitUntilEmpty()
            #expect(
                try harness.story(of: id) == [
                    "queued", "attempted", "in doubt", "decided", "delivered",
                ])
            #expect(mx.messages.count == 3)
            let counts = await harness.delivery?.withQueue { $0.counts }
            #expect(counts?.held == 0)
        }
    }

    @Test("An intent without an outcome is in doubt after a start", arguments: [true, false])
    func withoutOutcome(_ isDelivered: Bool) async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group)
            try await harness.start(DeliveryHarness.holding(port: mx.port))
            // As a crash leaves it: nothing after the intent.
            try await harness.suspend(RecipientSelector())
            let id = try await harness.submit(to: ["bob@example.org"])
            try await harness.waitUntilHeld(1)
            let reference = RecipientReference(
                message: id, number: 0, mailbox: Mailbox(localPart: "bob", domain: "example.org"),
                tenant: "acme")
            let intent = DeliveryAttempted(
                recipient: reference,
                attempt: Attempt(number: 1, reply: Reply(354, nil, "go ahead"), command: "data"))
            _ = try await #require(harness.log).log.append([
                Event(time: DeliveryHarness.now(), fact: .attempted(intent))
            ])
            await harness.stop()
            try await harness.start(DeliveryHarness.holding(port: mx.port))
            try await harness.waitUntilInDoubt(1)
            #expect(try harness.story(of: id) == ["queued", "attempted", "in doubt"])
            try await harness.resume(RecipientSelector())
            try await harness.decide(isDelivered ? .assumeDelivered : .bounce, id)
            try await harness.waitUntilEmpty()
            #expect(try harness.story(of: id).last == (isDelivered ? "delivered" : "bounced"))
            // The sender is not told, and nothing was sent.
            #expect(mx.messages.isEmpty)
            let snapshot = await harness.delivery?.snapshot()
            #expect(snapshot?.activeRecipients == 0 && snapshot?.inDoubtRecipients == 0)
        }
    }

    @Test("A log that cannot be written: the dot is withheld, and the attempt repeated")
    func withheld() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group)
            try await harness.start(DeliveryHarness.holding(port: mx.port))
            harness.log?.failuresToCome = 1
            let id = try await harness.submit(to: ["bob@example.org"])
            try await harness.waitUntilEmpty()
            #expect(
                try harness.story(of: id) == ["queued", "deferred", "attempted", "delivered"])
            #expect(mx.messages.count == 1)
            let deferred = try #require(
                try harness.facts { if case .deferred(let fact) = $0 { fact } else { nil } }.first)
            #expect(!deferred.inDoubt && deferred.attempt.reply.text.contains("intent"))
            #expect(await harness.delivery?.snapshot().announcements.withheld == 1)
        }
    }

    @Test("Without the standbys that it asks for, nothing is sent; where they may be away, it is")
    func standbys() async throws {
        for whenAway in StandbyDemand.WhenAway.allCases {
            try await DeliveryHarness.run { harness in
                let mx = try await ScriptedMX.start(group: harness.group)
                // The log has no gate: there are no standbys at all.
                try await harness.start(
                    DeliveryHarness.holding(
                        port: mx.port, demand: StandbyDemand(standbys: 1, whenAway: whenAway)))
                let id = try await harness.submit(to: ["bob@example.org"])
                if whenAway == .accept {
                    try await harness.waitUntilEmpty()
                    #expect(await harness.delivery?.snapshot().announcements.degraded == 1)
                } else {
                    try await harness.wait { try harness.story(of: id).count >= 5 }
                    #expect(
                        try harness.story(of: id).prefix(5) == [
                            "queued", "attempted", "deferred", "attempted", "deferred",
                        ])
                    #expect(mx.messages.isEmpty)
                }
            }
        }
    }

    @Test("A connection that is lost before the dot leaves no doubt")
    func lostBefore() async throws {
        try await DeliveryHarness.run { harness in
            let dropped = Mutex(0)
            let mx = try await ScriptedMX.start(group: harness.group) { command, _ in
                guard case .data = command else { return nil }
                return dropped.withLock { dropped in
                    dropped += 1
                    return dropped == 1 ? .replyThenDrop("354 go ahead") : nil
                }
            }
            try await harness.start(DeliveryHarness.holding(port: mx.port))
            let id = try await harness.submit(to: ["bob@example.org"])
            try await harness.waitUntilEmpty()
            let story = try harness.story(of: id)
            // Whether the intent was written before the end was noticed is a race.
            #expect(story.filter { $0 != "attempted" } == ["queued", "deferred", "delivered"])
            #expect(story.suffix(2) == ["attempted", "delivered"])
        }
    }

    @Test("A rule decides when nobody does", arguments: DoubtPolicy.Verdict.allCases)
    func rule(_ verdict: DoubtPolicy.Verdict) async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await Self.drop(harness.group)
            try await harness.start(
                DeliveryHarness.holding(port: mx.port, after: 1, verdict: verdict))
            let id = try await harness.submit(to: ["bob@example.org"])
            try await harness.wait {
                try harness.story(of: id).last == (verdict == .retry ? "delivered" : "bounced")
            }
            try await harness.waitUntilEmpty()
            let story = try harness.story(of: id)
            switch verdict {
            case .retry:
                #expect(
                    story.suffix(3) == ["decided", "attempted", "delivered"] && story.count == 6)
            case .bounce:
                #expect(story == ["queued", "attempted", "in doubt", "bounced"])
                let bounced = try #require(
                    try harness.facts { if case .bounced(let fact) = $0 { fact } else { nil } }
                        .first)
                #expect(bounced.saidBy == .policy && bounced.attempt.number == 1)
                // The sender is told.
                #expect(mx.messages.last?.mail == "")
            }
            let snapshot = await harness.delivery?.snapshot()
            #expect(snapshot?.activeRecipients == 0 && snapshot?.inDoubtRecipients == 0)
        }
    }

    @Test("A stop lets a transaction that was announced finish; a site that is fenced does not")
    func fenced() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await ScriptedMX.start(group: harness.group)
            try await harness.start(
                DeliveryHarness.holding(port: mx.port), mayFinish: { false })
            let id = try await harness.submit(to: ["bob@example.org"])
            try await harness.wait { try harness.story(of: id).count >= 3 }
            #expect(try harness.story(of: id).prefix(3) == ["queued", "attempted", "deferred"])
            #expect(mx.messages.isEmpty)
        }
    }

    @Test("A recipient that is cancelled while it is held is final, and a requeue does not free it")
    func cancelled() async throws {
        try await DeliveryHarness.run { harness in
            let mx = try await Self.drop(harness.group)
            try await harness.start(DeliveryHarness.holding(port: mx.port))
            let id = try await harness.submit(to: ["bob@example.org"])
            try await harness.waitUntilInDoubt(1)
            let now = DeliveryHarness.now()
            let log = try #require(harness.log).log
            _ = try await log.append([
                Event(time: now, fact: .rebound(ControlOrder(selector: RecipientSelector())))
            ])
            try await harness.submit(to: ["eve@example.net"])
            try await harness.wait { mx.messages.count == 2 }
            #expect(try harness.story(of: id).count == 3)
            let reference = RecipientReference(
                message: id, number: 0, mailbox: Mailbox(localPart: "bob", domain: "example.org"),
                tenant: "acme")
            _ = try await log.append([
                Event(
                    time: now,
                    fact: .bounced(DeliveryBounced(cancelling: reference, reason: "wrong price")))
            ])
            try await harness.waitUntilEmpty()
            #expect(mx.messages.count == 2)
        }
    }
}
