import MailEvents
import MailModel
import MessageFormat
import SMTPProtocol
import Testing
import WaybillTesting

@testable import Delivery

@Suite("Delivery's decisions, simulated")
struct DeliverySimulationTests {
    @Test(
        "Thousands of messages through days of failures: one final state each, one notice each",
        arguments: 1...4)
    func simulation(seed: Int) {
        var world = SimulatedWorld(seed: UInt64(seed), messages: 800)
        world.run()
        #expect(world.complaints.isEmpty, "seed \(seed): \(world.complaints.prefix(5))")
        #expect(world.finals.count == world.recipientCount, "seed \(seed)")
        #expect(Set(world.finals.values) == ["delivered", "bounced", "expired"], "seed \(seed)")
        #expect(world.failureNotices == world.failures, "seed \(seed)")
    }
}

/// Schedule, destinations and outcome plans on a virtual clock; network, servers and the log's
/// delay are random.
private struct SimulatedWorld {
    struct Key: Hashable { var message: Int; var number: Int }

    private struct Group {
        var message: Int
        var recipients: [Int]
    }

    private enum Happening {
        case arrival(message: Int)
        case opened(destination: Int, connection: Int, works: Bool)
        case answered(destination: Int, connection: Int, group: Group)
        case durable([Fact], at: EventTime)
        case look(destination: Int)
        case schedule
    }

    private struct Message {
        var facts: MessageFacts
        var recipients: [RecipientState]
    }

    private enum Place { case nowhere, scheduled, active }

    private let domains = 8
    private var random: SeededRandom
    private var now: Int64 = 0
    private var happenings: [(at: Int64, order: Int, what: Happening)] = []
    private var order = 0
    private var messages: [Message] = []
    private var places: [Key: Place] = [:]
    private var heap = DueHeap()
    private var machines: [DestinationStateMachine<Group>]
    /// A destination is down until then.
    private var downUntil: [Int64]

    private(set) var recipientCount = 0
    private(set) var finals: [Key: String] = [:]
    private(set) var complaints: [String] = []
    private(set) var failureNotices = 0
    private(set) var failures = 0
    private var delayed: Set<Key> = []

    init(seed: UInt64, messages count: Int) {
        random = SeededRandom(seed: seed)
        machines = (0..<domains).map { number in
            DestinationStateMachine(
                bounds: .init(
                    connectionsMax: 1 + number, messagesPerConnectionMax: 10,
                    idleMicroseconds: 5_000_000, backoff: BackoffPolicy()))
        }
        downUntil = [Int64](repeating: 0, count: domains)
        // The last one never comes up: its mail expires.
        downUntil[domains - 1] = .max
        for index in 0..<count {
            let at = Int64(random.below(7_200)) * 1_000_000
            post(at, .arrival(message: index))
        }
        messages.reserveCapacity(count)
        for index in 0..<count { messages.append(makeMessage(index)) }
        recipientCount = messages.reduce(0) { $0 + $1.recipients.count }
    }

    private mutating func makeMessage(_ index: Int) -> Message {
        var facts = Fixture.facts()
        facts.id = MessageID(epoch: 1, sequence: UInt64(index + 1))
        let recipients = (0..<(1 + random.below(4))).map { number in
            var state = Fixture.recipient(
                number, notify: random.oneIn(2) ? [.failure, .delay] : [])
            state.mailbox.domain = "d\(random.below(domains))"
            return state
        }
        return Message(facts: facts, recipients: recipients)
    }

    private var wall: EventTime {
        EventTime(microseconds: Fixture.start.microseconds + now)
    }

    private mutating func post(_ at: Int64, _ what: Happening) {
        order += 1
        // Kept sorted, last first: most things happen soon.
        var index = happenings.count
        while index > 0, (happenings[index - 1].at, happenings[index - 1].order) < (at, order) {
            index -= 1
        }
        happenings.insert((at, order, what), at: index)
    }

    mutating func run() {
        let end: Int64 = 8 * 86_400 * 1_000_000
        while let next = happenings.popLast(), next.at < end {
            now = max(now, next.at)
            take(next.what)
        }
        for (key, place) in places where place == .active {
            complaints.append("\(key) left active")
        }
    }

    private mutating func take(_ what: Happening) {
        switch what {
        case .arrival(let index):
            messages[index].facts.receivedAt = wall
            for number in messages[index].recipients.indices {
                messages[index].recipients[number].lastEventAt = wall
            }
            enqueue(index, Array(messages[index].recipients.indices))
        case .opened(let destination, let connection, let works):
            opened(destination, connection, works)
        case .answered(let destination, let connection, let group):
            answered(destination, connection, group)
        case .durable(let facts, let at):
            for fact in facts { apply(fact, at: at) }
        case .look(let destination):
            pump(destination)
        case .schedule:
            while let (id, numbers) = heap.popGroup(dueBy: wall) {
                enqueue(Int(id.sequence) - 1, numbers)
            }
        }
    }

    private mutating func enqueue(_ index: Int, _ numbers: [Int]) {
        var parts: [Int: [Int]] = [:]
        for number in numbers {
            let key = Key(message: index, number: number)
            if places[key] == .active { complaints.append("\(key) is active twice") }
            if finals[key] != nil { complaints.append("\(key) again after its end") }
            places[key] = .active
            let domain = messages[index].recipients[number].mailbox.domain
            parts[Int(domain.dropFirst()) ?? 0, default: []].append(number)
        }
        for (destination, recipients) in parts.sorted(by: { $0.key < $1.key }) {
            machines[destination].enqueue(
                Group(message: index, recipients: recipients),
                lane: .init(tenant: "\(index % 3)", campaign: ""))
            pump(destination)
        }
    }

    private mutating func pump(_ destination: Int) {
        while true {
            switch machines[destination].next(now: now, mayConnect: true) {
            case .connect(let connection):
                if now >= downUntil[destination], random.oneIn(60) {
                    downUntil[destination] = now + Int64(random.below(20_000)) * 1_000_000
                }
                let works = now >= downUntil[destination] && !random.oneIn(20)
                post(
                    now + Int64(random.below(2_000_000)),
                    .opened(destination: destination, connection: connection, works: works))
            case .send(let group, let connection):
                post(
                    now + Int64(random.below(3_000_000)),
                    .answered(destination: destination, connection: connection, group: group))
            case .quit: break
            case .wait:
                if let wake = machines[destination].nextWake, wake > now {
                    post(wake, .look(destination: destination))
                }
                return
            }
        }
    }

    private mutating func opened(_ destination: Int, _ connection: Int, _ works: Bool) {
        if works {
            machines[destination].connectionEstablished(connection, now: now)
        } else {
            let failure = AttemptFailure.local(
                451, EnhancedStatusCode(4, 4, 1), "down", class: .noAnswerFromHost)
            let failed = machines[destination].connectionFailed(connection, now: now, jitter: 0.5)
            for group in failed {
                let message = messages[group.message]
                record(
                    OutcomePlan(
                        message: message.facts,
                        recipients: group.recipients.map { message.recipients[$0] },
                        failure: failure, circumstances: .init(), terms: terms()))
            }
        }
        pump(destination)
    }

    private mutating func answered(_ destination: Int, _ connection: Int, _ group: Group) {
        let message = messages[group.message]
        let results = group.recipients.map { _ in
            switch random.below(12) {
            case 0, 1, 2: Fixture.result(.transientFailure, 451)
            case 3: Fixture.result(.permanentFailure, 550)
            case 4: Fixture.result(.inDoubt, 421)
            default: Fixture.result(.delivered, 250)
            }
        }
        record(
            OutcomePlan(
                message: message.facts, recipients: group.recipients.map { message.recipients[$0] },
                results: results, circumstances: .init(), terms: terms()))
        machines[destination].transactionFinished(
            connection, reusable: !random.oneIn(6), now: now)
        pump(destination)
    }

    private mutating func terms() -> OutcomePlan.Terms {
        var terms = Fixture.terms(at: wall)
        terms.random = Double(random.below(1000)) / 1000
        return terms
    }

    private mutating func record(_ plan: OutcomePlan) {
        for notice in plan.notices {
            for reported in notice.recipients where reported.action == .failed {
                failureNotices += 1
            }
            for reported in notice.recipients where reported.action == .delayed {
                guard case .deferred(let fact)? = plan.facts.first else { continue }
                let key = Key(
                    message: Int(fact.recipient.message.sequence) - 1,
                    number: reported.recipient.number)
                if !delayed.insert(key).inserted { complaints.append("\(key) warned twice") }
            }
        }
        post(now + Int64(random.below(500_000)), .durable(plan.facts, at: wall))
    }

    private mutating func apply(_ fact: Fact, at time: EventTime) {
        switch fact {
        case .delivered(let fact): finish(fact.recipient, "delivered")
        case .bounced(let fact): finish(fact.recipient, "bounced")
        case .expired(let fact):
            let received = messages[Int(fact.recipient.message.sequence) - 1].facts.receivedAt
            if time < received.adding(seconds: 432_000) { complaints.append("expired too soon") }
            finish(fact.recipient, "expired")
        case .deferred(let fact):
            let index = Int(fact.recipient.message.sequence) - 1
            let key = Key(message: index, number: fact.recipient.number)
            if places[key] != .active { complaints.append("\(key) deferred, not active") }
            places[key] = .scheduled
            if fact.nextDue <= time { complaints.append("\(key) due in the past") }
            messages[index].recipients[key.number].attempts = fact.attempt.number
            messages[index].recipients[key.number].lastEventAt = time
            heap.push(
                DueHeap.Entry(
                    due: fact.nextDue, message: fact.recipient.message, number: key.number))
            post(fact.nextDue.microseconds - Fixture.start.microseconds, .schedule)
        default: complaints.append("unexpected \(fact)")
        }
    }

    private mutating func finish(_ recipient: RecipientReference, _ name: String) {
        let key = Key(message: Int(recipient.message.sequence) - 1, number: recipient.number)
        if places[key] != .active { complaints.append("\(key) \(name), not active") }
        if finals[key] != nil { complaints.append("\(key) final twice") }
        places[key] = .nowhere
        finals[key] = name
        if name != "delivered" { failures += 1 }
    }
}
