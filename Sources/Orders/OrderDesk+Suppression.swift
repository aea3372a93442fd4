import EventLog
package import MailEvents
package import MailModel
package import MailProjections

/// Suppressed addresses.
extension OrderDesk {
    /// Which suppressions somebody wants to see.
    ///
    /// Concurrency: value.
    package struct SuppressionFilter: Hashable, Sendable {
        /// Of this tenant; the empty text: everybody's; nil: any.
        package var tenant: String?
        /// Of this domain, the whole of it or mailboxes.
        package var domain: String?
        /// Those that keep mail from this mailbox.
        package var mailbox: Mailbox?

        /// Everything.
        package init() {}

        package func fits(_ address: SuppressedAddress) -> Bool {
            guard tenant.map({ $0 == address.tenant }) ?? true,
                domain.map({ $0 == address.domain }) ?? true
            else { return false }
            guard let mailbox else { return true }
            return address.domain == mailbox.domain
                && (address.localPart.isEmpty
                    || address.localPart == mailbox.localPart.asciiLowercased())
        }
    }

    /// A page of the suppressions in force, in the order of their events, and the place of the next
    /// one; nil for the last. It begins after the sequence `place`; 0 for the first page.
    package func suppressions(
        _ filter: SuppressionFilter, after place: UInt64, limit: Int, for giver: OrderGiver
    ) async throws(OrderError) -> (entries: [SuppressionEntry], next: UInt64?) {
        var filter = filter
        if !giver.tenant.isEmpty {
            filter.tenant = try giver.tenant(naming: filter.tenant ?? "")
        }
        let (fits, now) = (filter, now())
        var found: [SuppressionEntry] = []
        var next: UInt64? = place
        while let from = next, found.count < limit {
            let left = limit - found.count
            let page = try await askSuppression { suppression in
                suppression.page(
                    after: from, rows: OrderLimits.suppressionsPerTurn, limit: left,
                    where: fits.fits)
            }
            found += page.entries.filter { !$0.isOver(at: now) }
            next = page.next
        }
        return (found, next)
    }

    /// Suppresses addresses, at most ``OrderLimits/suppressionsPerAppend``.
    ///
    /// All are checked before anything is appended.
    package func suppress(
        _ drafts: [SuppressionDraft], by giver: OrderGiver, isDryRun: Bool = false
    ) async throws(OrderError) -> SuppressionTally {
        precondition(drafts.count <= OrderLimits.suppressionsPerAppend, "bounded by the caller")
        let now = now()
        var checked: [SuppressionDraft] = []
        for draft in drafts { checked.append(try draft.checked(for: giver, now: now)) }
        return try await changes.take { () async throws(OrderError) in
            let (tally, facts) = try await sort(checked, actor: giver.actor, now: now)
            guard !isDryRun, !facts.isEmpty else { return tally }
            var result = tally
            let first = try await append(facts)
            result.sequence = first + UInt64(facts.count) - 1
            return result
        }
    }

    /// What of the drafts is new, and the events that say so.
    private func sort(
        _ drafts: [SuppressionDraft], actor: String, now: EventTime
    ) async throws(OrderError) -> (SuppressionTally, [Fact]) {
        let sorted = try await askSuppression { suppression in
            var tally = SuppressionTally()
            var facts: [Fact] = []
            for draft in drafts {
                let standing = suppression.entry(draft.address).flatMap {
                    $0.isOver(at: now) ? nil : $0
                }
                if let standing, standing.expires == draft.expires,
                    draft.reason.isEmpty || standing.reason == draft.reason
                {
                    tally.unchanged += 1
                    continue
                }
                if standing == nil { tally.added += 1 } else { tally.replaced += 1 }
                facts.append(
                    .suppressed(
                        AddressSuppressed(
                            address: draft.address, reason: draft.reason, actor: actor,
                            expires: draft.expires, message: draft.message)))
            }
            return (tally: tally, facts: facts, count: suppression.count)
        }
        guard sorted.count + sorted.tally.added <= Suppression.maximum else {
            throw .limitReached(
                "There are \(sorted.count) suppressed addresses, and may be \(Suppression.maximum)."
            )
        }
        return (sorted.tally, sorted.facts)
    }

    /// Takes an address off the list; says whether it was on it, and the sequence of the event.
    package func unsuppress(
        _ address: SuppressedAddress, reason: String, by giver: OrderGiver, isDryRun: Bool = false
    ) async throws(OrderError) -> (hasChanged: Bool, sequence: UInt64?) {
        try QueueOrder.check(reason: reason)
        var address = address
        address.tenant = try SuppressionDraft.tenant(address.tenant, giver)
        let asked = address
        let now = now()
        return try await changes.take { () async throws(OrderError) in
            let isThere = try await askSuppression { suppression in
                suppression.entry(asked).map { !$0.isOver(at: now) } ?? false
            }
            guard isThere, !isDryRun else { return (isThere, nil) }
            let fact = AddressUnsuppressed(address: asked, reason: reason, actor: giver.actor)
            return (true, try await append([.unsuppressed(fact)]))
        }
    }
}
