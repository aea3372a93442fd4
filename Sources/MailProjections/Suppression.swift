package import EventLog
package import MailEvents
package import MailModel
import Projections

/// The addresses to which nothing is sent: a fold of the log.
///
/// Per tenant and everybody's; single mailboxes and whole domains. At most ``maximum``.
///
/// Concurrency: value; the live one belongs to Delivery's event loop.
package struct Suppression: Sendable {
    /// How many there may be; a `suppressed` beyond it changes nothing, so whoever would append one
    /// refuses it before.
    package static var maximum: Int { Limits.suppressionsMaximum }

    /// The last event applied; 0 before the first.
    package internal(set) var lastSequence: UInt64 = 0
    /// The end of the last batch, if that is where ``lastSequence`` stands and it is known.
    package var position: Position?

    /// What is kept of a `suppressed` beside its address.
    struct Kept: Sendable {
        var sequence: UInt64
        var since: Int64
        /// The largest number for never.
        var expires: Int64
        var reason: String
        var actor: String
    }

    private(set) var entries: [SuppressionKey: Kept] = [:]
    /// The keys by the sequence of their `suppressed`: the order in which they are listed.
    private(set) var order = MessageTable()
    /// Which combinations of tenant and local-part there are: index is a ``Shape``.
    private var counts = [Int](repeating: 0, count: 4)
    private var ends = EndHeap()

    /// Rows after this sequence have never been in a checkpoint.
    var savedThrough: UInt64 = 0
    /// Whether the next checkpoint has every row.
    var needsWhole = true
    /// Rows that the next checkpoint adds, and those it takes out.
    var added: [UInt64: SuppressionKey] = [:]
    var removed: Set<UInt64> = []

    /// Nobody is suppressed before the first event.
    package init() {}

    /// How many there are, those included that are over but were not dropped yet.
    package var count: Int { entries.count }

    /// Whether there is none.
    package var isEmpty: Bool { entries.isEmpty }

    // MARK: Reading

    /// The entry that keeps mail on behalf of a tenant from a mailbox at this instant; nil for none.
    ///
    /// The tenant's own come before everybody's, mailboxes before domains.
    package func entry(
        for mailbox: Mailbox, tenant: String, at now: EventTime
    ) -> SuppressionEntry? {
        guard !entries.isEmpty else { return nil }
        for tenant in tenant.isEmpty ? [""] : [tenant, ""] {
            for localPart in [mailbox.localPart, ""] {
                let address = SuppressedAddress(
                    tenant: tenant, localPart: localPart, domain: mailbox.domain)
                guard counts[Shape.of(address)] > 0 else { continue }
                if let entry = entry(address), !entry.isOver(at: now) { return entry }
            }
        }
        return nil
    }

    /// The entry of exactly this address, over or not.
    package func entry(_ address: SuppressedAddress) -> SuppressionEntry? {
        let key = SuppressionKey(address)
        return entries[key].map { Self.entry(key, $0) }
    }

    /// Calls `body` for every entry in the order of their `suppressed`.
    package func forEach(_ body: (SuppressionEntry) throws -> Void) rethrows {
        try forEachKept { try body(Self.entry($0, $1)) }
    }

    /// Calls `body` for every entry in the order of their `suppressed`.
    func forEachKept(_ body: (SuppressionKey, Kept) throws -> Void) rethrows {
        for octets in order.rows where !octets.isEmpty {
            let key = SuppressionKey(octets: octets)
            if let kept = entries[key] { try body(key, kept) }
        }
    }

    /// A page of the entries that fit, in the order of their `suppressed`.
    ///
    /// - Parameters:
    ///   - place: The sequence after which it begins.
    ///   - rows: Looks at so many entries at most, so that a filter that nothing fits takes a bounded
    ///     time.
    ///   - limit: Returns so many at most.
    ///   - fits: Says which are wanted.
    /// - Returns: The entries, and where the next page begins; nil for nowhere.
    package func page(
        after place: UInt64, rows: Int, limit: Int, where fits: (SuppressedAddress) -> Bool
    ) -> (entries: [SuppressionEntry], next: UInt64?) {
        var found: [SuppressionEntry] = []
        var index = order.firstIndex(from: place == .max ? place : place + 1)
        let end = min(order.rows.count, index + max(1, rows))
        while index < end, found.count < max(1, limit) {
            let key = SuppressionKey(octets: order.rows[index])
            index += 1
            guard !key.octets.isEmpty, let kept = entries[key], fits(key.address) else { continue }
            found.append(Self.entry(key, kept))
        }
        return (found, index < order.rows.count ? order.sequences[index - 1] : nil)
    }

    private static func entry(_ key: SuppressionKey, _ kept: Kept) -> SuppressionEntry {
        SuppressionEntry(
            sequence: kept.sequence, since: EventTime(microseconds: kept.since),
            address: key.address,
            expires: kept.expires == .max ? nil : EventTime(microseconds: kept.expires),
            reason: kept.reason, actor: kept.actor)
    }

    // MARK: Folding

    /// Applies one event; one at or before ``lastSequence`` changes nothing.
    package mutating func apply(_ event: RecordedEvent) {
        apply(event.event, sequence: event.sequence)
    }

    /// Applies a batch as the log's writer handed it over.
    package mutating func apply(_ batch: CommittedBatch<Event>) {
        var sequence = batch.firstSequence
        for event in batch.events {
            apply(event, sequence: sequence)
            sequence += 1
        }
        if batch.position.sequence == lastSequence { position = batch.position }
    }

    private mutating func apply(_ event: Event, sequence: UInt64) {
        guard sequence > lastSequence else { return }
        begin(sequence, at: event.time.microseconds)
        switch event.fact {
        case .suppressed(let fact): suppress(fact, sequence: sequence, at: event.time)
        case .unsuppressed(let fact): remove(SuppressionKey(fact.address))
        default: break
        }
    }

    /// An event of this time: drops what is over.
    mutating func begin(_ sequence: UInt64, at time: Int64) {
        lastSequence = sequence
        position = nil
        while let end = ends.pop(through: time) {
            // One that was replaced or undone meanwhile has another sequence, or none.
            if entries[end.key]?.sequence == end.sequence { remove(end.key) }
        }
    }

    private mutating func suppress(
        _ fact: AddressSuppressed, sequence: UInt64, at time: EventTime
    ) {
        let key = SuppressionKey(fact.address)
        if let expires = fact.expires, expires <= time { return remove(key) }
        guard entries[key] != nil || count < Self.maximum else { return }
        remove(key)
        insert(
            key,
            Kept(
                sequence: sequence, since: time.microseconds,
                expires: fact.expires?.microseconds ?? .max, reason: kept(fact.reason),
                actor: kept(fact.actor)))
        added[sequence] = key
    }

    /// Keeps an entry; there is none with its key, and none with a greater sequence.
    mutating func insert(_ key: SuppressionKey, _ kept: Kept) {
        entries[key] = kept
        order.append(kept.sequence, key.octets)
        counts[Shape.of(key.address)] += 1
        if kept.expires < .max {
            ends.push(EndHeap.End(time: kept.expires, sequence: kept.sequence, key: key))
        }
    }

    private mutating func remove(_ key: SuppressionKey) {
        guard let gone = entries.removeValue(forKey: key) else { return }
        if let index = order.index(of: gone.sequence) { order.remove(at: index) }
        counts[Shape.of(key.address)] -= 1
        added[gone.sequence] = nil
        if gone.sequence <= savedThrough { removed.insert(gone.sequence) }
    }

    private func kept(_ text: String) -> String {
        text.prefix(octets: Limits.reasonOctetsMaximum)
    }

    /// Whether an address has a tenant and a local-part, as a sum.
    private enum Shape {
        static func of(_ address: SuppressedAddress) -> Int {
            (address.tenant.isEmpty ? 0 : 1) + (address.localPart.isEmpty ? 0 : 2)
        }
    }
}
