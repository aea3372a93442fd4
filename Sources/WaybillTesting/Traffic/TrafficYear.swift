package import MailEvents
import MailModel

/// A year of a sending server's traffic as the events it would write: the same for the same plan.
///
/// Days and nights, weeks and seasons; tenants of very different size; campaigns in bursts beside
/// mail all day long; a few large receiving providers and a long tail of domains; people who get
/// mail again and again. Messages are deferred and retried by the default schedule, delivered,
/// bounced, given up; complaints and late bounces come hours later and lead to suppressed addresses;
/// at times deliveries to a domain are suspended. Events stand in the order of their times, and
/// refer to messages by the sequences they will have in a log that holds nothing else.
///
/// It has no clock and no randomness but the plan's seed. What it is not: no content, no
/// notifications of failures, no cancelled campaigns, one epoch.
///
/// Concurrency: value.
package struct TrafficYear: Sendable {
    package let plan: TrafficPlan
    /// Events made so far; also the sequence of the last one.
    package private(set) var count: UInt64 = 0
    /// Of them: messages.
    package private(set) var messages = 0

    var random: SeededRandom
    var senders: TrafficSenders
    let domains: TrafficDomains
    var heap = TrafficHeap()
    var recipients = TrafficRecipients()
    var peers = TrafficPeers()
    /// Events of the minute that is being made.
    var made: [Event] = []
    /// Tenant and person, mixed.
    var suppressed: Set<UInt64> = []
    /// Number of the domain that is suspended, and until when; -1 for none.
    var suspendedDomain: Int32 = -1
    var suspendedUntil: Int64 = 0

    private let people: Int
    private var minute = 0
    /// Messages that are no campaign's, still to come, and the weight of the minutes left.
    private var plainLeft: Double
    private var weightLeft: Double
    private var nextBurst = 0
    /// Campaigns that are going out: number of the burst and messages sent.
    private var open: [(burst: Int, sent: Int)] = []
    private let startDay: Int64

    /// Creates a year before its first event.
    package init(_ plan: TrafficPlan) {
        self.plan = plan
        random = SeededRandom(seed: plan.seed)
        let people = max(200, plan.messages / TrafficPlan.Shares.messagesOfPerson)
        self.people = people
        domains = TrafficDomains(count: max(20, min(100_000, people / 15)), random: &random)
        senders = TrafficSenders(plan, people: people, random: &random)
        let startDay = plan.start.microseconds / 86_400_000_000
        self.startDay = startDay
        let bulk = senders.bursts.reduce(0) { $0 + $1.messages }
        plainLeft = Double(max(0, plan.messages - bulk))
        weightLeft = (0..<plan.minutes).reduce(0) {
            $0 + TrafficClock.weight(minute: $1, startDay: startDay)
        }
        planOccasions()
    }

    /// Makes the next minute that has events and appends them.
    ///
    /// - Returns: false when the year is over; nothing is appended then.
    package mutating func next(into events: inout [Event]) -> Bool {
        while minute < plan.minutes {
            makeMinute()
            minute += 1
            guard !made.isEmpty else { continue }
            events.append(contentsOf: made)
            made.removeAll(keepingCapacity: true)
            return true
        }
        return false
    }

    private mutating func makeMinute() {
        let begin = plan.start.microseconds + Int64(minute) * 60_000_000
        if count == 0 {
            emit(begin, .epochStarted(EpochStarted(epoch: 1, site: "year", reason: "created")))
        }
        arrive(begin)
        while let time = heap.nextTime, time < begin + 60_000_000, let entry = heap.pop() {
            happen(entry)
        }
    }

    private mutating func happen(_ entry: TrafficHeap.Entry) {
        switch entry.kind {
        case .arrival: accept(entry)
        case .attempt: attempt(entry)
        case .complaint: complain(entry)
        case .lateBounce: bounceLater(entry)
        case .suspend: suspend(entry)
        case .resume: resume(entry)
        case .configure:
            emit(
                entry.time,
                .configurationApplied(
                    ConfigurationApplied(
                        digest: TrafficNames.token(24, &random), version: "0.1.0")))
        }
    }

    /// Appends an event.
    mutating func emit(_ time: Int64, _ fact: Fact) {
        made.append(Event(time: EventTime(microseconds: time), fact: fact))
        count += 1
    }

    // MARK: Arrivals

    /// Plans the messages of a minute. The index of an arrival is its burst, or -1.
    private mutating func arrive(_ begin: Int64) {
        let weight = TrafficClock.weight(minute: minute, startDay: startDay)
        let expected = weightLeft > 0 ? plainLeft * weight / weightLeft : 0
        let plain = Int(expected + Double(random.below(1000)) / 1000)
        plainLeft = max(0, plainLeft - Double(plain))
        weightLeft -= weight
        for _ in 0..<plain { heap.push(.arrival, -1, at: begin + within(60_000_000)) }
        while nextBurst < senders.bursts.count, senders.bursts[nextBurst].minute <= minute {
            open.append((nextBurst, 0))
            nextBurst += 1
        }
        for index in open.indices {
            let burst = senders.bursts[open[index].burst]
            let share = min(1, Double(minute + 1 - burst.minute) / Double(burst.minutes))
            // Fast at first, then less.
            let due = Int(Double(burst.messages) * (1 - (1 - share) * (1 - share)))
            for _ in open[index].sent..<max(due, open[index].sent) {
                heap.push(.arrival, Int32(open[index].burst), at: begin + within(60_000_000))
            }
            open[index].sent = due
        }
        open.removeAll { $0.sent >= senders.bursts[$0.burst].messages }
    }

    /// A number of microseconds below a bound.
    mutating func within(_ microseconds: Int64) -> Int64 {
        Int64(random.below(Int(microseconds)))
    }

    private mutating func accept(_ entry: TrafficHeap.Entry) {
        if random.below(1000) < TrafficPlan.Shares.rejected { reject(entry.time) }
        let isBulk = entry.index >= 0
        let burst = isBulk ? senders.bursts[Int(entry.index)] : nil
        let tenant = burst?.tenant ?? senders.plainTenant(&random)
        let campaign =
            burst?.campaign
            ?? TrafficSenders.plainCampaigns[random.below(TrafficSenders.plainCampaigns.count)]
        let several = !isBulk && random.below(1000) < TrafficPlan.Shares.severalRecipients
        let count = several ? 2 + random.below(TrafficPlan.Shares.recipientsMax - 1) : 1
        let message = received(entry.time, tenant, campaign, burst, recipients: count)
        for number in 0..<count {
            let list = senders.tenants[tenant].listSize
            let place =
                isBulk ? (burst?.first ?? 0) + nextInList(entry.index) : random.below(list)
            let person = person(tenant, place % list)
            let recipient = TrafficRecipient(
                message: message, receivedAt: entry.time, person: person,
                domain: Int32(domains.number(ofPerson: person)), tenant: Int16(tenant),
                number: Int16(number), attempts: 0, isBulk: isBulk, campaign: campaign)
            let place32 = recipients.add(recipient)
            emit(
                entry.time,
                .queued(
                    RecipientQueued(
                        recipient: reference(recipient),
                        due: EventTime(microseconds: entry.time))))
            let wait = isBulk ? within(20_000_000) : within(900_000)
            heap.push(.attempt, place32, at: entry.time + 30_000 + wait)
        }
    }

    private var burstPlaces: [Int32: Int] = [:]

    /// The next place in the list of a burst's tenant.
    private mutating func nextInList(_ burst: Int32) -> Int {
        let place = burstPlaces[burst, default: 0]
        burstPlaces[burst] = place + 1
        return place
    }

    /// The person at a place of a tenant's list; lists of tenants overlap.
    private func person(_ tenant: Int, _ place: Int) -> UInt64 {
        let chosen = TrafficNames.mixed(UInt64(tenant) << 40 | UInt64(place)) % UInt64(people)
        return TrafficNames.mixed(chosen &+ plan.seed &* 0x1000_0000_0000)
    }

    /// Emits a `received` and returns its sequence.
    private mutating func received(
        _ time: Int64, _ tenant: Int, _ campaign: String, _ burst: TrafficSenders.Burst?,
        recipients: Int
    ) -> UInt64 {
        let from = senders.tenants[tenant]
        let token = TrafficNames.token(20, &random)
        let path = Mailbox(
            localPart: "b-" + TrafficNames.token(10, &random), domain: from.domain)
        emit(
            time,
            .received(
                MessageReceived(
                    reversePath: .mailbox(path),
                    sizeOctets: burst.map { $0.octets + random.below(400) }
                        ?? 2500 + random.below(9000),
                    contentSHA256: TrafficNames.hash(&random), recipientCount: recipients,
                    tenant: from.name, campaign: campaign, body: .eightBitMIME,
                    session: senders.session(of: tenant, &random),
                    headerMessageID: "<\(token)@\(from.domain)>")))
        messages += 1
        return count
    }

    private mutating func reject(_ time: Int64) {
        let session = senders.tenants[random.below(TrafficSenders.count)].session
        emit(
            time,
            .rejected(
                SessionRejected(
                    listener: session.listener, clientAddress: session.clientAddress,
                    clientName: session.clientName,
                    identity: random.oneIn(2) ? session.identity : "",
                    sessionID: session.sessionID, command: "rcpt",
                    reversePath: "\(TrafficNames.token(6, &random))@spam.example",
                    forwardPath: "\(TrafficNames.token(6, &random))@elsewhere.example",
                    reply: Reply(554, EnhancedStatusCode(5, 7, 1), "relay access denied"))))
    }
}
