import EventLog
import MailEvents
import MailModel
import MailProjections
import Testing

@testable import Orders

extension TestDesk {
    /// Says that an attempt for a recipient was announced, and, unless it is under way, that nobody knows
    /// what it came to.
    func announce(
        _ message: MessageID, _ number: Int, _ address: String, isHeld: Bool = true,
        tenant: String = "", campaign: String = ""
    ) async throws {
        let parts = address.split(separator: "@")
        let reference = RecipientReference(
            message: message, number: number,
            mailbox: Mailbox(localPart: String(parts[0]), domain: String(parts[1])),
            tenant: tenant, campaign: campaign)
        let attempt = Attempt(
            number: 1, reply: Reply(354, nil, "go"), command: "data",
            peer: DeliveryPeer(
                host: "mx.example.org", address: "192.0.2.9", port: 25, sourceAddress: "192.0.2.1"))
        var facts: [Fact] = [.attempted(DeliveryAttempted(recipient: reference, attempt: attempt))]
        if isHeld {
            facts.append(
                .deferred(
                    DeliveryDeferred(
                        recipient: reference, attempt: attempt, class: .badConnection,
                        saidBy: .local, nextDue: now, inDoubt: true)))
        }
        let time = now
        let receipt = try await log.append(facts.map { Event(time: time, fact: $0) })
        let last = receipt.firstSequence + UInt64(facts.count) - 1
        while await state.withQueue({ $0.lastSequence }) ?? .max < last { await Task.yield() }
    }

    func decide(
        _ decision: DoubtDecision, by giver: OrderGiver = OrderGiver(name: "cli"),
        _ change: (inout DoubtOrder) -> Void
    ) async throws -> DoubtResult {
        var order = DoubtOrder(decision, OrderScope())
        change(&order)
        return try await desk.decide(order, by: giver)
    }
}

@Suite("Decisions about mail in doubt")
struct DoubtOrderTests {
    @Test(
        "What is held and matches is decided; what is under way is not, and a dry run does nothing")
    func decides() async throws {
        let desk = try TestDesk()
        let id = try await desk.accept(["a@x.example", "b@x.example", "c@y.example"])
        try await desk.announce(id, 0, "a@x.example")
        try await desk.announce(id, 1, "b@x.example", isHeld: false)
        try await desk.announce(id, 2, "c@y.example")
        let before = try desk.facts().count
        let dry = try await desk.decide(.retry) {
            $0.scope.isEverything = true
            $0.isDryRun = true
        }
        #expect(dry.recipients == 2 && dry.messages == 1 && dry.hasChanged && dry.sequence == nil)
        #expect(try desk.facts().count == before)
        let done = try await desk.decide(.retry) {
            $0.scope.domain = "x.example"
            $0.reason = "not in their log"
        }
        #expect(done.recipients == 1 && done.sequence == UInt64(before + 1))
        guard case .deferred(let fact) = try desk.facts().last else {
            Issue.record("no deferral")
            return
        }
        #expect(fact.recipient.number == 0 && fact.saidBy == .administrator && fact.inDoubt)
        #expect(fact.attempt.number == 1 && fact.attempt.isDecision && fact.nextDue == desk.now)
        #expect(fact.attempt.reply.text.hasSuffix("decided by cli: not in their log"))
        #expect(fact.attempt.peer?.host == "mx.example.org")
        // Decided once is decided: nothing matches any more.
        let again = try await desk.decide(.bounce) { $0.scope.domain = "x.example" }
        #expect(!again.hasChanged)
        let counts = await desk.state.withQueue { ($0.counts.held, $0.counts.recipients) }
        #expect(counts?.0 == 1 && counts?.1 == 3)
    }

    @Test("Assumed delivered, or given up: final, with words that say so")
    func final() async throws {
        let desk = try TestDesk()
        let id = try await desk.accept(["a@x.example", "b@x.example"], tenant: "acme")
        for (number, address) in ["a@x.example", "b@x.example"].enumerated() {
            try await desk.announce(id, number, address, tenant: "acme")
        }
        _ = try await desk.decide(.assumeDelivered) {
            $0.scope.message = id
            $0.recipient = Mailbox(localPart: "A", domain: "x.example")
        }
        guard case .delivered(let delivered) = try desk.facts().last else {
            Issue.record("not delivered")
            return
        }
        #expect(delivered.recipient.number == 0 && delivered.attempt.isDecision)
        #expect(delivered.attempt.reply.text.hasPrefix("in doubt, assumed delivered"))
        _ = try await desk.decide(.bounce, by: OrderGiver(name: "key", tenant: "acme")) {
            $0.scope.isEverything = true
        }
        guard case .bounced(let bounced) = try desk.facts().last else {
            Issue.record("not bounced")
            return
        }
        #expect(bounced.saidBy == .administrator && bounced.recipient.number == 1)
        #expect(bounced.attempt.reply.text.contains("decided by key (tenant acme)"))
        #expect(await desk.state.withQueue { $0.counts.recipients } == 0)
    }

    @Test("A tenant sees and decides its own; a page goes on where the one before ended")
    func tenants() async throws {
        let desk = try TestDesk()
        for number in 0..<5 {
            let tenant = number % 2 == 0 ? "acme" : "zeta"
            let id = try await desk.accept(["r\(number)@x.example"], tenant: tenant)
            try await desk.announce(id, 0, "r\(number)@x.example", tenant: tenant)
        }
        let zeta = OrderGiver(name: "key", tenant: "zeta")
        var found: [HeldRecipient] = []
        var place: OpenAttempts.Key?
        repeat {
            let page = try await desk.desk.held(
                of: OrderScope(), recipient: nil, after: place, limit: 2, for: zeta)
            found += page.found
            place = page.next.flatMap { OpenAttempts.Key($0.description) }
        } while place != nil
        #expect(found.map(\.reference.mailbox.localPart) == ["r1", "r3"])
        #expect(found.allSatisfy { $0.heldSince != nil && $0.peer?.address == "192.0.2.9" })
        let done = try await desk.decide(.bounce, by: zeta) { $0.scope.isEverything = true }
        #expect(done.recipients == 2 && done.messages == 2)
        #expect(await desk.state.withQueue { $0.counts.held } == 3)
        await #expect(throws: OrderError.self) {
            try await desk.decide(.bounce, by: zeta) { $0.scope.tenant = "acme" }
        }
        await #expect(throws: OrderError.self) { try await desk.decide(.bounce) { _ in } }
    }

    @Test("Many are decided in several appends, each once")
    func many() async throws {
        let desk = try TestDesk()
        let count = OrderLimits.decidedPerAppend + 7
        let addresses = (0..<count).map { "r\($0)@x.example" }
        let id = try await desk.accept(addresses)
        for (number, address) in addresses.enumerated() {
            try await desk.announce(id, number, address)
        }
        async let one = desk.decide(.bounce) { $0.scope.isEverything = true }
        async let other = desk.decide(.assumeDelivered) { $0.scope.isEverything = true }
        let done = try await (one, other)
        #expect(done.0.recipients + done.1.recipients == count)
        #expect(await desk.state.withQueue { $0.counts.recipients } == 0)
        let finals = try desk.facts().count {
            switch $0 {
            case .delivered, .bounced: true
            default: false
            }
        }
        #expect(finals == count)
    }
}
