import MailEvents

// Which subjects an event is about: looked up once for each text of a batch.
extension Statistics {
    /// On whose behalf something happened; -1 for what is not needed.
    struct Owners {
        var server: Int
        var tenant: Int
        /// -1 for mail that names no campaign, too.
        var campaign: Int
    }

    @inline(__always)
    mutating func owners(_ event: EventView) -> Owners {
        Owners(server: server, tenant: tenant(event), campaign: campaign(event))
    }

    /// Whether one of them is broken down.
    @inline(__always)
    func hasBreakdowns(_ owners: Owners) -> Bool {
        if need.hasAllBreakdowns { return true }
        guard need.hasBreakdowns else { return false }
        return has(owners.server) || has(owners.tenant) || has(owners.campaign)
    }

    @inline(__always)
    private func has(_ number: Int) -> Bool { number >= 0 && subjects[number].hasBreakdowns }

    /// Text 0 of a batch has a slot as well, which serves the server: its name is empty.
    @inline(__always)
    var server: Int {
        mutating get {
            guard need.has(.server) else { return -1 }
            let slot = batch.slot(0)
            if batch.slots[slot].source != 0 { return Int(batch.slots[slot].source) - 1 }
            let number = subject(.server, name: [])
            batch.slots[slot].source = UInt32(number + 1)
            return number
        }
    }

    @inline(__always)
    private mutating func tenant(_ event: EventView) -> Int {
        guard need.has(.tenant) else { return -1 }
        let slot = batch.slot(event.tenantText)
        if batch.slots[slot].tenant != 0 { return Int(batch.slots[slot].tenant) - 1 }
        let number = subject(.tenant, name: batch.octets(event.tenantText))
        batch.slots[slot].tenant = UInt32(number + 1)
        return number
    }

    @inline(__always)
    private mutating func campaign(_ event: EventView) -> Int {
        guard event.campaignText != 0, need.has(.campaign) else { return -1 }
        if let known = batch.campaigns.find(event.tenantText, event.campaignText) { return known }
        let number = subject(
            .campaign, tenant: batch.octets(event.tenantText),
            name: batch.octets(event.campaignText))
        batch.campaigns.set(event.tenantText, event.campaignText, to: number)
        return number
    }

    @inline(__always)
    mutating func domain(_ event: EventView) -> Int {
        guard need.has(.domain) else { return -1 }
        let slot = batch.slot(event.domainText)
        if batch.slots[slot].domain != 0 { return Int(batch.slots[slot].domain) - 1 }
        let number = subject(.domain, name: batch.octets(event.domainText))
        batch.slots[slot].domain = UInt32(number + 1)
        return number
    }

    /// The domain's number in ``names``.
    @inline(__always)
    mutating func domainName(_ event: EventView) -> UInt32 {
        let slot = batch.slot(event.domainText)
        if batch.slots[slot].domainName != 0 { return batch.slots[slot].domainName - 1 }
        let name = names.number(
            of: batch.octets(event.domainText).prefix(Limits.nameOctetsMaximum))
        batch.slots[slot].domainName = name + 1
        return name
    }

    /// The provider, -1 when it is not needed, and its number in ``names``.
    @inline(__always)
    mutating func provider(_ event: EventView) -> (subject: Int, name: UInt32) {
        let slot = batch.slot(event.mxHostText)
        if batch.slots[slot].provider != 0 {
            return (
                Int(batch.slots[slot].provider) - 2, batch.slots[slot].providerName
            )
        }
        let octets = ProviderName.octets(ofHost: batch.octets(event.mxHostText))
        let number = subject(.provider, name: octets)
        let name = names.number(of: octets.prefix(Limits.nameOctetsMaximum))
        batch.slots[slot].provider = UInt32(number + 2)
        batch.slots[slot].providerName = name
        return (number, name)
    }

    @inline(__always)
    mutating func source(_ event: EventView) -> Int {
        guard need.has(.source) else { return -1 }
        let slot = batch.slot(event.sourceAddressText)
        if batch.slots[slot].source != 0 { return Int(batch.slots[slot].source) - 1 }
        let number = subject(.source, name: batch.octets(event.sourceAddressText))
        batch.slots[slot].source = UInt32(number + 1)
        return number
    }

    /// The source address at the provider.
    @inline(__always)
    mutating func route(_ event: EventView) -> Int {
        guard need.has(.route) else { return -1 }
        if let known = batch.routes.find(event.sourceAddressText, event.mxHostText) { return known }
        let number = subject(
            .route, tenant: batch.octets(event.sourceAddressText),
            name: ProviderName.octets(ofHost: batch.octets(event.mxHostText)))
        batch.routes.set(event.sourceAddressText, event.mxHostText, to: number)
        return number
    }
}
