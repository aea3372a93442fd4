import MailEvents
import MailModel
import Testing
import WaybillTesting

@testable import MailProjections

@Suite("The traffic that benchmarks are taken on")
struct TrafficYearTests {
    private func events(seed: UInt64 = 3) -> [Event] {
        var year = TrafficYear(TrafficPlan(seed: seed, days: 30, events: 30_000))
        var events: [Event] = []
        while year.next(into: &events) {}
        #expect(Int(year.count) == events.count)
        return events
    }

    @Test("The same plan gives the same events, another seed others")
    func deterministic() {
        let one = events()
        #expect(one == events())
        #expect(one != events(seed: 4))
    }

    @Test("About as many events as wanted, of the types that traffic has, in the order of time")
    func amount() {
        let events = events()
        #expect((25_000...35_000).contains(events.count))
        #expect(zip(events, events.dropFirst()).allSatisfy { $0.time <= $1.time })
        let types = Set(events.map(\.fact.typeName))
        // In so short a time what is rare (a host that never answers) may be missing.
        #expect(
            types.isSuperset(of: [
                "epoch_started", "received", "queued", "deferred", "delivered", "bounced",
                "rejected", "complained", "bounced_later", "suppressed", "configuration_applied",
                "suspended", "resumed",
            ]))
    }

    @Test("Each recipient is queued once, attempted in order and final once; the rest waits")
    func lives() throws {
        var attempts: [Key: Int] = [:]
        var final: Set<Key> = []
        var queue = Queue()
        for (index, event) in events().enumerated() {
            let recorded = RecordedEvent(sequence: UInt64(index) + 1, epoch: 1, event: event)
            queue.apply(recorded)
            switch event.fact {
            case .queued(let fact):
                #expect(attempts.updateValue(0, forKey: Key(fact.recipient)) == nil)
            case .deferred(let fact):
                let key = Key(fact.recipient)
                let before = try #require(attempts[key])
                #expect(fact.attempt.number == before + 1 && !final.contains(key))
                #expect(fact.nextDue > event.time)
                attempts[key] = fact.attempt.number
            case .delivered(let fact): #expect(final.insert(Key(fact.recipient)).inserted)
            case .bounced(let fact): #expect(final.insert(Key(fact.recipient)).inserted)
            case .expired(let fact): #expect(final.insert(Key(fact.recipient)).inserted)
            case .complained(let fact): #expect(final.contains(Key(fact.recipient)))
            case .bouncedLater(let fact): #expect(final.contains(Key(fact.recipient)))
            default: break
            }
        }
        #expect(final.isSubset(of: attempts.keys))
        #expect(queue.counts.recipients == attempts.count - final.count)
        #expect(queue.totals.received > 8000 && final.count > 8000)
    }

    private struct Key: Hashable {
        var message: MessageID
        var number: Int

        init(_ recipient: RecipientReference) {
            message = recipient.message
            number = recipient.number
        }
    }
}
