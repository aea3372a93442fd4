package import MailEvents
import MailModel

/// What became of an attempt.
enum Outcome: Sendable {
    case delivered, deferred, bounced, expired
}

extension DeliveryCounters {
    /// Counts what became of an attempt.
    @inline(__always)
    mutating func count(_ outcome: Outcome, isRetry: Bool, inDoubt: Bool) {
        switch outcome {
        case .delivered: delivered &+= 1
        case .deferred:
            deferred &+= 1
            if inDoubt { self.inDoubt &+= 1 }
        case .bounced: bounced &+= 1
        case .expired: expired &+= 1
        }
        if isRetry { retries &+= 1 }
    }
}

extension Statistics: EventVisitor {
    package mutating func begin(_ texts: BatchTexts) { batch.begin(texts) }

    package mutating func visit(_ event: EventView) {
        guard event.sequence > lastSequence else { return }
        lastSequence = event.sequence
        if event.time > now || nextMinuteAt == .min { advance(to: event.time) }
        switch EventType(rawValue: event.type) {
        case .received: received(event)
        case .queued: queued(event)
        case .delivered: outcome(.delivered, event)
        case .deferred: outcome(.deferred, event)
        case .bounced: outcome(.bounced, event)
        case .expired: outcome(.expired, event)
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
        if event.identityText != 0 { noteLogin(event) }
        let size = event.sizeOctets
        count(server) {
            $0.received &+= 1; $0.octets &+= size
        }
        count(tenant(event)) {
            $0.received &+= 1; $0.octets &+= size
        }
        if let campaign = campaign(event) {
            count(campaign) {
                $0.received &+= 1; $0.octets &+= size
            }
        }
    }

    private mutating func queued(_ event: EventView) {
        count(server) { $0.queued &+= 1 }
        let tenant = tenant(event)
        count(tenant) { $0.queued &+= 1 }
        count(domain(event)) { $0.queued &+= 1 }
        let name = domainName(event)
        subjects[tenant].domains.admit(
            name, places: Limits.domainsPerSubject, pool: &names
        ) { $0.queued &+= 1 }
        guard let campaign = campaign(event) else { return }
        count(campaign) { $0.queued &+= 1 }
        subjects[campaign].domains.admit(
            name, places: Limits.domainsPerSubject, pool: &names
        ) { $0.queued &+= 1 }
    }

    private mutating func outcome(_ outcome: Outcome, _ event: EventView) {
        var about = About(outcome)
        about.isRetry = event.attempt > 1 && outcome != .expired
        about.inDoubt = event.inDoubt
        about.bounceClass = event.bounceClass
        if let message = event.message,
            let receivedAt = live.find(
                message.sequence, epoch: message.epoch, isFinal: outcome != .deferred),
            outcome == .delivered
        {
            about.milliseconds = (now &- receivedAt) / 1000
            about.bucket = LatencyHistogram.bucket(milliseconds: about.milliseconds)
        }
        if outcome != .delivered, event.replyCode != 0 {
            ReplyText.write(
                code: event.replyCode, status: event.enhancedStatus,
                text: batch.octets(event.replyText), to: &scratch)
            about.reply = names.number(of: scratch[...])
        }
        let domainName = domainName(event)
        add(about, server)
        add(about, domain(event))
        let tenant = tenant(event)
        add(about, tenant)
        addDomain(about, domainName, tenant)
        let campaign = campaign(event)
        if let campaign {
            add(about, campaign)
            addDomain(about, domainName, campaign)
        }
        guard event.mxHostText != 0 else { return }
        let (provider, providerName) = provider(event)
        add(about, provider)
        addProvider(about, providerName, tenant)
        if let campaign { addProvider(about, providerName, campaign) }
        guard event.sourceAddressText != 0 else { return }
        let source = source(event)
        add(about, source)
        addProvider(about, providerName, source)
    }

    /// What every subject of an outcome is told.
    private struct About {
        let outcome: Outcome
        var isRetry = false
        var inDoubt = false
        var bounceClass: UInt32 = 0
        /// -1 when it is not known.
        var bucket = -1
        var milliseconds: Int64 = 0
        var reply: UInt32?

        init(_ outcome: Outcome) { self.outcome = outcome }
    }

    @inline(__always)
    private mutating func add(_ about: About, _ number: Int) {
        count(number) {
            $0.count(about.outcome, isRetry: about.isRetry, inDoubt: about.inDoubt)
        }
        if about.bucket >= 0 {
            subjects[number].openDetail.latency.record(
                milliseconds: about.milliseconds, bucket: about.bucket)
        }
        if about.outcome != .delivered { addFailure(about, number) }
    }

    private mutating func addFailure(_ about: About, _ number: Int) {
        if about.outcome == .deferred {
            subjects[number].openDetail.deferrals.add(rawClass: about.bounceClass)
        } else {
            subjects[number].openDetail.failures.add(rawClass: about.bounceClass)
        }
        guard let reply = about.reply, subjects[number].kind.hasReplies else { return }
        _ = subjects[number].replies.count(
            reply, places: Limits.repliesPerSubject, pool: &names)
    }

    @inline(__always)
    private mutating func addDomain(_ about: About, _ name: UInt32, _ number: Int) {
        subjects[number].domains.add(name) {
            $0.count(about.outcome, isRetry: about.isRetry, inDoubt: about.inDoubt)
        }
    }

    @inline(__always)
    private mutating func addProvider(_ about: About, _ name: UInt32, _ number: Int) {
        subjects[number].providers.admit(
            name, places: Limits.providersPerSubject, pool: &names
        ) {
            $0.count(about.outcome, isRetry: about.isRetry, inDoubt: about.inDoubt)
        }
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

    // MARK: Subjects

    @inline(__always)
    private mutating func count(_ number: Int, _ body: (inout DeliveryCounters) -> Void) {
        if cells[number].minute != minute {
            subjects[number].close(cells[number], next: minute)
            cells[number].minute = minute
            cells[number].counters = DeliveryCounters()
        }
        cells[number].isChanged = true
        cells[number].lastAt = now
        body(&cells[number].counters)
    }

    /// Text 0 of a batch has a slot as well, which serves the server: its name is empty.
    private var server: Int {
        mutating get {
            let slot = batch.slot(0)
            if batch.slots[slot].source != 0 { return Int(batch.slots[slot].source) - 1 }
            let number = subject(.server, name: [])
            batch.slots[slot].source = UInt32(number + 1)
            return number
        }
    }

    @inline(__always)
    private mutating func tenant(_ event: EventView) -> Int {
        let slot = batch.slot(event.tenantText)
        if batch.slots[slot].tenant != 0 { return Int(batch.slots[slot].tenant) - 1 }
        let number = subject(.tenant, name: batch.octets(event.tenantText))
        batch.slots[slot].tenant = UInt32(number + 1)
        return number
    }

    /// nil for mail that names no campaign.
    @inline(__always)
    private mutating func campaign(_ event: EventView) -> Int? {
        guard event.campaignText != 0 else { return nil }
        if let known = batch.campaign(event.tenantText, event.campaignText) { return known }
        let number = subject(
            .campaign, tenant: batch.octets(event.tenantText),
            name: batch.octets(event.campaignText))
        batch.setCampaign(event.tenantText, event.campaignText, to: number)
        return number
    }

    @inline(__always)
    private mutating func domain(_ event: EventView) -> Int {
        let slot = batch.slot(event.domainText)
        if batch.slots[slot].domain != 0 { return Int(batch.slots[slot].domain) - 1 }
        let number = subject(.domain, name: batch.octets(event.domainText))
        batch.slots[slot].domain = UInt32(number + 1)
        return number
    }

    @inline(__always)
    private mutating func domainName(_ event: EventView) -> UInt32 {
        let slot = batch.slot(event.domainText)
        if batch.slots[slot].domainName != 0 { return batch.slots[slot].domainName - 1 }
        let name = names.number(
            of: batch.octets(event.domainText).prefix(Limits.nameOctetsMaximum))
        batch.slots[slot].domainName = name + 1
        return name
    }

    @inline(__always)
    private mutating func provider(_ event: EventView) -> (subject: Int, name: UInt32) {
        let slot = batch.slot(event.mxHostText)
        if batch.slots[slot].provider != 0 {
            return (Int(batch.slots[slot].provider) - 1, batch.slots[slot].providerName - 1)
        }
        let octets = ProviderName.octets(ofHost: batch.octets(event.mxHostText))
        let number = subject(.provider, name: octets)
        let name = names.number(of: octets.prefix(Limits.nameOctetsMaximum))
        batch.slots[slot].provider = UInt32(number + 1)
        batch.slots[slot].providerName = name + 1
        return (number, name)
    }

    @inline(__always)
    private mutating func source(_ event: EventView) -> Int {
        let slot = batch.slot(event.sourceAddressText)
        if batch.slots[slot].source != 0 { return Int(batch.slots[slot].source) - 1 }
        let number = subject(.source, name: batch.octets(event.sourceAddressText))
        batch.slots[slot].source = UInt32(number + 1)
        return number
    }
}
