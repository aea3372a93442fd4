import MailEvents
import MailModel
import Projections
import WaybillTesting

@testable import EventLog
@testable import MailProjections

/// What the statistics mean, as plainly as it can be said: what the fold is held against.
struct StatisticsModel {
    struct Subject {
        var counters = DeliveryCounters()
        var failures: [BounceClass: Int] = [:]
        var deferrals: [BounceClass: Int] = [:]
        var returns: [BounceClass: Int] = [:]
        var milliseconds: [Int64] = []
        var hours: [Int64: DeliveryCounters] = [:]
        var minutes: [Int64: DeliveryCounters] = [:]
        var domains: [String: DeliveryCounters] = [:]
        var providers: [String: DeliveryCounters] = [:]
        var replyCount = 0
    }

    var subjects: [SubjectKey: Subject] = [:]
    private var received: [MessageID: (time: Int64, open: Int)] = [:]
    private var tenants: [String: String] = [:]

    mutating func apply(_ recorded: RecordedEvent) {
        let time = recorded.event.time.microseconds
        switch recorded.event.fact {
        case .received(let fact):
            if fact.recipientCount > 0 {
                received[MessageID(epoch: recorded.epoch, sequence: recorded.sequence)] = (
                    time, fact.recipientCount
                )
            }
            if !fact.session.identity.isEmpty { tenants[fact.session.identity] = fact.tenant }
            add(to: keys(fact.tenant, fact.campaign), time) {
                $0.received += 1
                $0.octets += fact.sizeOctets
            }
        case .queued(let fact):
            add(to: keys(fact.recipient) + [domain(fact.recipient)], time) { $0.queued += 1 }
            for key in keys(fact.recipient) where key.kind != .server {
                subjects[key]?.domains[fact.recipient.mailbox.domain, default: .init()].queued += 1
            }
        case .delivered(let fact):
            outcome(fact.recipient, fact.attempt, time) { $0.delivered += 1 }
            guard let message = received[fact.recipient.message] else { break }
            for key in keys(fact.recipient, fact.attempt) {
                subjects[key]?.milliseconds.append((time - message.time) / 1000)
            }
            finish(fact.recipient)
        case .deferred(let fact):
            outcome(fact.recipient, fact.attempt, time) {
                $0.deferred += 1
                if fact.inDoubt { $0.inDoubt += 1 }
            }
            for key in keys(fact.recipient, fact.attempt) {
                subjects[key]?.deferrals[fact.class, default: 0] += 1
                subjects[key]?.replyCount += 1
            }
        case .bounced(let fact):
            outcome(fact.recipient, fact.attempt, time) { $0.bounced += 1 }
            fail(fact.recipient, fact.attempt, fact.class)
        case .expired(let fact):
            outcome(fact.recipient, fact.attempt, time, retries: false) { $0.expired += 1 }
            fail(fact.recipient, fact.attempt, fact.class)
        case .complained(let fact):
            guard fact.feedbackType != "not-spam" else { break }
            outcome(fact.recipient, fact.route, time) { $0.complained += 1 }
        case .bouncedLater(let fact):
            outcome(fact.recipient, fact.route, time) { $0.bouncedLater += 1 }
            for key in keys(fact.recipient, fact.route) {
                subjects[key]?.returns[fact.class, default: 0] += 1
            }
        case .rejected(let fact):
            var keys = [SubjectKey(kind: .server, name: "")]
            if let tenant = tenants[fact.identity] {
                keys.append(SubjectKey(kind: .tenant, name: tenant))
            }
            add(to: keys, time) { $0.rejected += 1 }
        default: break
        }
    }

    private mutating func fail(
        _ recipient: RecipientReference, _ attempt: Attempt, _ bounceClass: BounceClass
    ) {
        for key in keys(recipient, attempt) {
            subjects[key]?.failures[bounceClass, default: 0] += 1
            subjects[key]?.replyCount += 1
        }
        finish(recipient)
    }

    private mutating func finish(_ recipient: RecipientReference) {
        guard let message = received[recipient.message] else { return }
        received[recipient.message] =
            message.open == 1 ? nil : (message.time, message.open - 1)
    }

    private mutating func outcome(
        _ recipient: RecipientReference, _ attempt: Attempt, _ time: Int64, retries: Bool = true,
        _ body: (inout DeliveryCounters) -> Void
    ) {
        outcome(recipient, attempt.route, time) { counters in
            body(&counters)
            if retries, attempt.number > 1 { counters.retries += 1 }
        }
    }

    private mutating func outcome(
        _ recipient: RecipientReference, _ route: DeliveryRoute, _ time: Int64,
        _ count: (inout DeliveryCounters) -> Void
    ) {
        add(to: keys(recipient, route), time, count)
        for key in keys(recipient) where key.kind != .server {
            count(
                &subjects[key, default: Subject()].domains[
                    recipient.mailbox.domain, default: .init()])
        }
        guard !route.host.isEmpty else { return }
        let provider = ProviderName.name(ofHost: route.host)
        let source =
            route.sourceAddress.isEmpty
            ? [] : [SubjectKey(kind: .source, name: route.sourceAddress)]
        for key in keys(recipient) + source where key.kind != .server {
            count(&subjects[key, default: Subject()].providers[provider, default: .init()])
        }
    }

    private mutating func add(
        to keys: [SubjectKey], _ time: Int64, _ body: (inout DeliveryCounters) -> Void
    ) {
        for key in keys {
            body(&subjects[key, default: Subject()].counters)
            body(
                &subjects[key, default: Subject()].hours[time / 3_600_000_000, default: .init()])
            body(
                &subjects[key, default: Subject()].minutes[time / 60_000_000, default: .init()])
        }
    }

    private func keys(_ tenant: String, _ campaign: String) -> [SubjectKey] {
        [SubjectKey(kind: .server, name: ""), SubjectKey(kind: .tenant, name: tenant)]
            + (campaign.isEmpty
                ? [] : [SubjectKey(kind: .campaign, tenant: tenant, name: campaign)])
    }

    private func keys(_ recipient: RecipientReference) -> [SubjectKey] {
        keys(recipient.tenant, recipient.campaign)
    }

    private func keys(_ recipient: RecipientReference, _ attempt: Attempt) -> [SubjectKey] {
        keys(recipient, attempt.route)
    }

    private func keys(_ recipient: RecipientReference, _ route: DeliveryRoute) -> [SubjectKey] {
        let all = keys(recipient) + [domain(recipient)]
        guard !route.host.isEmpty else { return all }
        let provider = ProviderName.name(ofHost: route.host)
        let source = route.sourceAddress
        return all + [SubjectKey(kind: .provider, name: provider)]
            + (source.isEmpty
                ? []
                : [
                    SubjectKey(kind: .source, name: source),
                    SubjectKey(kind: .route, tenant: source, name: provider),
                ])
    }

    private func domain(_ recipient: RecipientReference) -> SubjectKey {
        SubjectKey(kind: .domain, name: recipient.mailbox.domain)
    }
}

extension Attempt {
    fileprivate var route: DeliveryRoute {
        DeliveryRoute(host: peer?.host ?? "", sourceAddress: peer?.sourceAddress ?? "")
    }
}

/// Events as the log hands them over.
func storedBatch(_ events: ArraySlice<RecordedEvent>) -> StoredBatch {
    let first = events.first
    var bytes: [UInt8] = []
    let sequence = first?.sequence ?? 1
    let time = first?.event.time.microseconds ?? 0
    MailEventCodec().encode(
        events.map(\.event), firstSequence: sequence, epoch: first?.epoch ?? 1, firstTime: time,
        into: &bytes)
    let header = BatchHeader(
        codec: .none, dictionary: 0, firstSequence: sequence,
        lastSequence: sequence &+ UInt64(events.count) &- 1, epoch: first?.epoch ?? 1,
        firstTime: time, lastTime: events.last?.event.time.microseconds ?? 0,
        rawLength: UInt64(bytes.count), previousHash: [UInt8](repeating: 0, count: 32))
    return StoredBatch(header: header, bytes: bytes)
}

extension [RecordedEvent] {
    /// The same events with the time between them multiplied.
    func stretched(_ factor: Int64) -> [RecordedEvent] {
        guard let start = first?.event.time.microseconds else { return self }
        return map { event in
            var event = event
            event.event.time.microseconds =
                start + (event.event.time.microseconds - start) * factor
            return event
        }
    }
}
