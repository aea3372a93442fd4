import EventLog
import MailEvents
import MailModel
import MailProjections
import Synchronization
import Testing

@testable import Orders

@Suite("Orders: the queue")
struct OrderDeskTests {
    private let acme = OrderGiver(name: "shop", tenant: "acme")

    @Test("A suspension says whom it holds; the same again changes nothing and says so")
    func suspendTwice() async throws {
        let test = try TestDesk()
        try await test.accept(["a@example.org", "b@example.org", "c@example.net"])
        let first = try await test.order(.suspend) { $0.scope.domain = "example.org" }
        #expect(first.hasChanged && first.sequence == 5)
        #expect(first.tally.recipients == 2 && first.tally.messages == 1 && first.tally.held == 2)
        let again = try await test.order(.suspend) { $0.scope.domain = "EXAMPLE.org" }
        #expect(!again.hasChanged && again.sequence == 5 && again.tally.held == 2)
        #expect(try test.facts().count == 5)
    }

    @Test("Another end takes the place of the one before, and one that is over is none")
    func ends() async throws {
        let test = try TestDesk()
        let soon = test.now.adding(seconds: 60)
        _ = try await test.order(.suspend) {
            $0.scope.tenant = "acme"
            $0.until = soon
        }
        let later = try await test.order(.suspend) {
            $0.scope.tenant = "acme"
            $0.until = soon.adding(seconds: 60)
        }
        #expect(later.hasChanged)
        test.advance(seconds: 121)
        #expect(try await test.desk.suspensions(for: acme).suspensions.isEmpty)
        #expect(try await !test.order(.resume) { $0.scope.tenant = "acme" }.hasChanged)
        let past = test.now
        await #expect(throws: OrderError.invalid("until", "That time is over already.")) {
            try await test.order(.suspend) {
                $0.scope.tenant = "acme"
                $0.until = past
            }
        }
    }

    @Test("Resuming ends exactly that scope, and counts what another one still holds")
    func resume() async throws {
        let test = try TestDesk()
        try await test.accept(["a@example.org"], tenant: "acme")
        _ = try await test.order(.suspend) { $0.scope.domain = "example.org" }
        _ = try await test.order(.suspend) { $0.scope.tenant = "acme" }
        let other = try await test.order(.resume) { $0.scope.isEverything = true }
        #expect(!other.hasChanged && other.sequence == nil && other.tally.held == 1)
        let one = try await test.order(.resume) { $0.scope.domain = "example.org" }
        #expect(one.hasChanged && one.tally.held == 1)
        let two = try await test.order(.resume) { $0.scope.tenant = "acme" }
        #expect(two.hasChanged && two.tally.held == 0)
    }

    @Test("A dry run appends nothing, whatever the order")
    func dryRun() async throws {
        let test = try TestDesk()
        try await test.accept(["a@example.org", "b@example.net"])
        for action in QueueOrder.Action.allCases {
            let result = try await test.order(action) {
                $0.scope.domain = "example.org"
                $0.isDryRun = true
            }
            #expect(result.hasChanged == (action != .resume) && result.sequence == nil)
            #expect(result.tally.recipients == 1, "\(action)")
        }
        #expect(try test.facts().count == 3)
    }

    @Test("Requeued recipients are due at once; when nothing waits nothing is appended")
    func requeue() async throws {
        let test = try TestDesk()
        let id = try await test.accept(["a@example.org"], campaign: "spring")
        let nothing = try await test.order(.requeue) { $0.scope.campaign = "summer" }
        #expect(!nothing.hasChanged && nothing.sequence == nil)
        let result = try await test.order(.requeue) {
            $0.scope.message = id
            $0.reason = "now"
        }
        #expect(result.hasChanged && result.tally.recipients == 1)
        let due = await test.state.withQueue { $0.message(id)?.recipients.first?.due }
        #expect(due == test.now)
        guard case .rebound(let order)? = try test.facts().last else {
            Issue.record("no rebound")
            return
        }
        #expect(order.reason == "now" && order.actor == "cli" && order.selector.message == id)
    }

    @Test("Cancelling gives up what matches, in appends of a bounded size, and tells how far it is")
    func cancelMany() async throws {
        let test = try TestDesk()
        let many = (0..<1300).map { "r\($0)@example.\($0 % 4 == 0 ? "net" : "org")" }
        try await test.accept(many, tenant: "acme")
        for number in 0..<30 {
            try await test.accept((0..<10).map { "s\(number)-\($0)@example.org" })
        }
        let steps = Mutex<[OrderProgress]>([])
        var order = QueueOrder(.cancel, OrderScope())
        order.scope.domain = "example.org"
        order.reason = "recalled"
        let result = try await test.desk.carryOut(order, by: OrderGiver(name: "cli")) { step in
            steps.withLock { $0.append(step) }
        }
        #expect(result.hasChanged && result.tally.recipients == 1275)
        #expect(result.tally.messages == 31)
        let told = steps.withLock { $0 }
        #expect(told.count >= 3 && told.last == OrderProgress(done: 1275, of: 1275))
        #expect(zip(told, told.dropFirst()).allSatisfy { $0.done < $1.done })
        let left = await test.state.withQueue { $0.counts.recipients }
        #expect(left == 325)
        var bounced = 0
        var largest = 0
        try test.log.reader.forEachBatch { batch in
            let facts = try batch.events().map(\.event.fact)
            let here = facts.count { fact in
                guard case .bounced(let bounced) = fact else { return false }
                return bounced.saidBy == .administrator
                    && bounced.attempt.reply.text == "cancelled: recalled"
            }
            bounced += here
            largest = max(largest, here)
            return true
        }
        #expect(bounced == 1275 && largest <= OrderLimits.cancelledPerAppend + 32)
        #expect(try await !test.order(.cancel) { $0.scope.domain = "example.org" }.hasChanged)
    }

    @Test("Two cancellations of the same recipients give each one outcome")
    func cancelTwice() async throws {
        let test = try TestDesk()
        for number in 0..<50 {
            try await test.accept((0..<30).map { "s\(number)-\($0)@example.org" })
        }
        async let one = test.order(.cancel) { $0.scope.domain = "example.org" }
        async let two = test.order(.cancel) { $0.scope.isEverything = true }
        let sum = try await one.tally.recipients + two.tally.recipients
        #expect(sum == 1500)
        #expect(await test.state.withQueue { $0.totals.bounced } == 1500)
    }

    @Test("A tenant's orders touch what is its own, and it does not lift an operator's suspension")
    func tenants() async throws {
        let test = try TestDesk()
        try await test.accept(["a@example.org"], tenant: "acme")
        try await test.accept(["b@example.org"], tenant: "zeta")
        let cancelled = try await test.order(.cancel, by: acme) { $0.scope.domain = "example.org" }
        #expect(cancelled.tally.recipients == 1)
        #expect(await test.state.withQueue { $0.counts.recipients } == 1)
        _ = try await test.order(.suspend) { $0.scope.tenant = "acme" }
        _ = try await test.order(.suspend) { $0.scope.domain = "example.net" }
        for action in [QueueOrder.Action.resume, .suspend] {
            await #expect(throws: OrderError.self) {
                try await test.order(action, by: acme) {
                    $0.scope.isEverything = true
                    if action == .suspend { $0.until = test.now.adding(seconds: 1) }
                }
            }
        }
        let own = try await test.order(.suspend, by: acme) { $0.scope.domain = "example.net" }
        #expect(own.hasChanged && own.selector.tenant == "acme")
        let seen = try await test.desk.suspensions(for: acme).suspensions.map(\.selector)
        #expect(seen == [RecipientSelector(tenant: "acme"), own.selector])
        #expect(
            try await test.order(.resume, by: acme) { $0.scope.domain = "example.net" }.hasChanged)
    }

    @Test("What waits is counted by what it has in common")
    func breakdown() async throws {
        let test = try TestDesk()
        try await test.accept(["a@example.org", "b@example.net"], tenant: "acme")
        try await test.accept(["c@example.org"], tenant: "zeta", campaign: "spring")
        _ = try await test.order(.suspend) { $0.scope.tenant = "zeta" }
        let operators = OrderGiver(name: "cli")
        let all = try await test.desk.breakdown(by: .domain, of: OrderScope(), for: operators)
        #expect(all.sorted.map(\.name) == ["example.org", "example.net"])
        #expect(all.sorted.map(\.recipients) == [2, 1] && all.sorted.map(\.held) == [1, 0])
        #expect(all.tally.recipients == 3 && all.tally.messages == 2 && all.others == 0)
        let own = try await test.desk.breakdown(by: .queue, of: OrderScope(), for: acme)
        #expect(own.sorted.map(\.name) == ["acme@example.net", "acme@example.org"])
    }
}
