package import EventLog

/// The standbys of a site, and what each has made durable.
///
/// Concurrency: any thread.
package final class StandbyBoard: Sendable {
    /// One standby.
    package struct Entry: Hashable, Sendable {
        /// Its name.
        package var site: String
        /// Its address, for people.
        package var peer: String
        /// Where it takes links itself, HOST:PORT; empty: nowhere.
        package var address: String
        package var isConnected: Bool
        /// What it has made durable; nil before it has said so.
        package var position: Position?
        /// When it said something last, microseconds since the Unix epoch.
        package var lastSeen: Int64
        /// Octets sent to it since this process began.
        package var sentOctets: UInt64
        /// Nothing of the log is kept for it any more.
        package var isGivenUp = false
    }

    private struct State {
        var entries: [String: Entry] = [:]
        /// Number of the link that stands for a site now.
        var links: [String: UInt64] = [:]
        var lastLink: UInt64 = 0
    }

    private let state: Monitor<State>
    private let changed: @Sendable ([UInt64]) -> Void
    private let now: @Sendable () -> Int64

    /// - Parameters:
    ///   - now: Microseconds since the Unix epoch.
    ///   - changed: Told which sequences the connected standbys have made durable, the highest first,
    ///     after each change. Called on any thread; must not block.
    package init(
        now: @escaping @Sendable () -> Int64, changed: @escaping @Sendable ([UInt64]) -> Void
    ) {
        self.now = now
        self.changed = changed
        state = Monitor(State())
    }

    /// The standbys that were seen since this process began, by name.
    package var entries: [Entry] {
        state.withLock { $0.entries.values.sorted { $0.site < $1.site } }
    }

    /// What is to be remembered of them.
    package var slots: [StandbySlot] {
        entries.compactMap { entry in
            entry.position.map {
                StandbySlot(
                    site: entry.site, sequence: $0.sequence, lastSeen: entry.lastSeen,
                    isGivenUp: entry.isGivenUp)
            }
        }
    }

    /// Takes in what was remembered: standbys that are not connected.
    package func remember(_ slots: [StandbySlot]) {
        state.withLock { state in
            for slot in slots where state.entries[slot.site] == nil {
                var position = Position.beginning
                position.sequence = slot.sequence
                state.entries[slot.site] = Entry(
                    site: slot.site, peer: "", address: "", isConnected: false,
                    position: position, lastSeen: slot.lastSeen, sentOctets: 0,
                    isGivenUp: slot.isGivenUp)
            }
        }
    }

    /// Gives up a standby that is not connected: it is remembered, and nothing kept for it.
    ///
    /// - Returns: Whether that is news.
    package func giveUp(_ site: String) -> Bool {
        state.withLock { state in
            guard state.links[site] == nil, let entry = state.entries[site], !entry.isGivenUp
            else { return false }
            state.entries[site]?.isGivenUp = true
            return true
        }
    }

    /// Forgets a standby that is not connected.
    ///
    /// - Returns: Whether there was one.
    package func forget(_ site: String) -> Bool {
        state.withLock { state in
            guard state.links[site] == nil else { return false }
            return state.entries.removeValue(forKey: site) != nil
        }
    }

    /// A standby follows from now on.
    ///
    /// - Returns: The number that its link goes by: a later link of the same site takes its place.
    func connected(
        _ site: String, peer: String, address: String, position: Position
    ) -> UInt64 {
        let (link, durable) = state.withLock { state in
            state.lastLink += 1
            state.links[site] = state.lastLink
            let sent = state.entries[site]?.sentOctets ?? 0
            state.entries[site] = Entry(
                site: site, peer: peer, address: address, isConnected: true, position: position,
                lastSeen: now(), sentOctets: sent)
            return (state.lastLink, Self.durable(state))
        }
        changed(durable)
        return link
    }

    /// A standby has made everything up to a position durable.
    func acknowledged(_ site: String, link: UInt64, position: Position) {
        let durable = state.withLock { state -> [UInt64]? in
            guard state.links[site] == link else { return nil }
            state.entries[site]?.position = position
            state.entries[site]?.lastSeen = now()
            return Self.durable(state)
        }
        if let durable { changed(durable) }
    }

    /// So much was sent to a standby.
    func sent(_ site: String, octets: Int) {
        state.withLock { $0.entries[site]?.sentOctets += UInt64(octets) }
    }

    /// A standby's link has ended.
    func disconnected(_ site: String, link: UInt64) {
        let durable = state.withLock { state -> [UInt64]? in
            guard state.links[site] == link else { return nil }
            state.links[site] = nil
            state.entries[site]?.isConnected = false
            return Self.durable(state)
        }
        if let durable { changed(durable) }
    }

    /// Waits until a connected standby has made a sequence durable.
    ///
    /// - Parameters:
    ///   - site: Which one; nil: any.
    ///   - sequence: Up to where.
    ///   - milliseconds: How long.
    /// - Returns: Its name; nil when the time was over.
    package func wait(for site: String?, sequence: UInt64, milliseconds: Int) -> String? {
        let end = SystemClock.monotonicMilliseconds() + UInt64(milliseconds)
        while true {
            let found = entries.first {
                $0.isConnected && (site == nil || $0.site == site)
                    && $0.position?.sequence ?? 0 >= sequence
            }
            if let found { return found.site }
            guard SystemClock.monotonicMilliseconds() < end else { return nil }
            _ = state.wait(milliseconds: 20) { _ in true }
        }
    }

    private static func durable(_ state: State) -> [UInt64] {
        state.entries.values.filter(\.isConnected).compactMap { $0.position?.sequence }
            .sorted(by: >)
    }
}
