package import MailEvents
import MailModel

extension Statistics: EventVisitor {
    package static var fields: EventFields {
        [.message, .identity, .recipientDomain, .recipientOwners, .attempt, .failure]
    }

    package mutating func begin(_ texts: BatchTexts) { batch.begin(texts) }

    package mutating func visit(_ event: EventView) {
        guard event.sequence > lastSequence else { return }
        lastSequence = event.sequence
        if event.time > now || nextMinuteAt == .min { advance(to: event.time) }
        switch EventType(rawValue: event.type) {
        case .received: received(event)
        case .queued: queued(event)
        case .delivered: attempted(.delivered, event)
        case .deferred: attempted(.deferred, event)
        case .bounced: attempted(.bounced, event)
        case .expired: attempted(.expired, event)
        case .complained: complained(event)
        case .bouncedLater: bouncedLater(event)
        case .rejected: rejected(event)
        default: break
        }
    }

    @inline(__always)
    private mutating func advance(to time: Int64) {
        now = time
        if time >= nextMinuteAt { beginMinute() }
    }

    /// Moves on to the minute of ``now``; with a new day, what is too old goes.
    mutating func beginMinute() {
        let isFirst = nextMinuteAt == .min
        let day = minute / 1440
        minute = Self.minute(of: now)
        let (next, overflow) = (Int64(minute) + 1).multipliedReportingOverflow(by: 60_000_000)
        nextMinuteAt = overflow ? .max : next
        guard !isFirst, minute / 1440 != day else { return }
        sweep()
        // Subjects may have gone, and their numbers may be used again.
        batch.reset()
    }

    // MARK: Events

    private mutating func received(_ event: EventView) {
        if event.recipientCount > 0, let message = event.message {
            live.insert(
                LiveMessages.Entry(
                    sequence: event.sequence, receivedAt: now, epoch: message.epoch,
                    open: event.recipientCount))
        }
        if event.identityText != 0, need.has(.tenant) { noteLogin(event) }
        let owners = owners(event)
        let size = event.sizeOctets
        countForOwners(owners) {
            $0.received &+= 1; $0.octets &+= size
        }
    }

    private mutating func queued(_ event: EventView) {
        let owners = owners(event)
        countForOwners(owners) { $0.queued &+= 1 }
        count(domain(event)) { $0.queued &+= 1 }
        guard hasBreakdowns(owners) else { return }
        let name = domainName(event)
        admitDomain(name, owners.tenant)
        admitDomain(name, owners.campaign)
    }

    @inline(__always)
    private mutating func admitDomain(_ name: UInt32, _ owner: Int) {
        guard owner >= 0, subjects[owner].hasBreakdowns else { return }
        subjects[owner].domains.admit(
            name, places: Limits.domainsPerSubject, pool: &names
        ) { $0.queued &+= 1 }
    }

    private mutating func attempted(_ outcome: Outcome, _ event: EventView) {
        var note = OutcomeNote(outcome)
        note.isRetry = event.attempt > 1 && outcome != .expired
        note.inDoubt = event.inDoubt
        note.bounceClass = event.bounceClass
        if let message = event.message,
            let receivedAt = live.find(
                message.sequence, epoch: message.epoch, isFinal: outcome != .deferred),
            outcome == .delivered
        {
            note.milliseconds = (now &- receivedAt) / 1000
            note.bucket = LatencyHistogram.bucket(milliseconds: note.milliseconds)
        }
        if outcome != .delivered, event.replyCode != 0, hasReplies(event) {
            ReplyText.write(
                code: event.replyCode, status: event.enhancedStatus,
                text: batch.octets(event.replyText), to: &scratch)
            note.reply = names.number(of: scratch[...])
        }
        tellAll(note, event)
    }

    /// Whether a subject that is told of an outcome counts replies.
    @inline(__always)
    private mutating func hasReplies(_ event: EventView) -> Bool {
        guard need.hasBreakdowns, !need.hasAllBreakdowns else { return need.hasAllBreakdowns }
        return need.has(.provider) || need.has(.source) || hasBreakdowns(owners(event))
    }

    /// A report that says the opposite (RFC 5965 section 7.3) is no complaint.
    private mutating func complained(_ event: EventView) {
        guard !batch.octets(event.feedbackTypeText).elementsEqual("not-spam".utf8) else { return }
        tellAll(OutcomeNote(.complained), event)
    }

    private mutating func bouncedLater(_ event: EventView) {
        var note = OutcomeNote(.bouncedLater)
        note.bounceClass = event.bounceClass
        tellAll(note, event)
    }

    private mutating func rejected(_ event: EventView) {
        count(server) { $0.rejected &+= 1 }
        guard event.identityText != 0,
            let name = logins.tenant(of: batch.octets(event.identityText))
        else { return }
        count(subject(.tenant, name: name[...])) { $0.rejected &+= 1 }
    }

    private mutating func noteLogin(_ event: EventView) {
        let slot = batch.slot(event.identityText)
        guard batch.slots[slot].loginTenant != event.tenantText &+ 1 else { return }
        batch.slots[slot].loginTenant = event.tenantText &+ 1
        logins.note(
            batch.octets(event.identityText), tenant: batch.octets(event.tenantText),
            day: minute / 1440)
    }

    // MARK: Telling subjects

    /// Tells every subject that an outcome is about.
    @inline(__always)
    private mutating func tellAll(_ note: OutcomeNote, _ event: EventView) {
        let owners = owners(event)
        let isBrokenDown = hasBreakdowns(owners)
        tell(note, owners.server)
        tell(note, domain(event))
        tell(note, owners.tenant)
        tell(note, owners.campaign)
        if isBrokenDown {
            let domainName = domainName(event)
            addDomain(note, domainName, owners.tenant)
            addDomain(note, domainName, owners.campaign)
        }
        guard event.mxHostText != 0,
            isBrokenDown || need.has(.provider) || need.has(.source) || need.has(.route)
        else { return }
        let (provider, providerName) = provider(event)
        tell(note, provider)
        addProvider(note, providerName, owners.tenant)
        addProvider(note, providerName, owners.campaign)
        guard event.sourceAddressText != 0 else { return }
        let source = source(event)
        tell(note, source)
        addProvider(note, providerName, source)
        tell(note, route(event))
    }

    @inline(__always)
    private mutating func addDomain(_ note: OutcomeNote, _ name: UInt32, _ number: Int) {
        guard number >= 0, subjects[number].hasBreakdowns else { return }
        subjects[number].domains.add(name) { $0.count(note) }
    }

    @inline(__always)
    private mutating func addProvider(_ note: OutcomeNote, _ name: UInt32, _ number: Int) {
        guard number >= 0, subjects[number].hasBreakdowns else { return }
        subjects[number].providers.admit(
            name, places: Limits.providersPerSubject, pool: &names
        ) { $0.count(note) }
    }

    /// Tells one subject; none when it is negative.
    @inline(__always)
    private mutating func tell(_ note: OutcomeNote, _ number: Int) {
        guard number >= 0 else { return }
        count(number) { $0.count(note) }
        subjects[number].openDetail.count(note)
        guard let reply = note.reply, subjects[number].hasBreakdowns,
            subjects[number].kind.hasReplies
        else { return }
        _ = subjects[number].replies.count(
            reply, places: Limits.repliesPerSubject, pool: &names)
    }

    /// Counts for one subject; for none when it is negative.
    @inline(__always)
    private mutating func count(_ number: Int, _ body: (inout DeliveryCounters) -> Void) {
        guard number >= 0 else { return }
        if cells[number].minute != minute { closeMinute(number) }
        cells[number].count(now, body)
    }

    private mutating func closeMinute(_ number: Int) {
        subjects[number].close(cells[number], next: minute)
        cells[number].begin(minute)
    }

    @inline(__always)
    private mutating func countForOwners(
        _ owners: Owners, _ body: (inout DeliveryCounters) -> Void
    ) {
        count(owners.server, body)
        count(owners.tenant, body)
        count(owners.campaign, body)
    }
}
