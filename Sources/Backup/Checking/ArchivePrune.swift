/// Removes what an archive does not need: what nothing would be restored from.
///
/// The events themselves are never pruned, since a log is replayed from its first one.
///
/// Concurrency: no state.
package enum ArchivePrune {
    /// What goes.
    package struct Plan: Hashable, Sendable {
        /// Batches whose segment is there too.
        package var covered: [ArchiveCatalog.Item] = []
        /// What earlier writers put after another had taken over.
        package var leftovers: [ArchiveCatalog.Item] = []
        /// Configurations beside the newest ones.
        package var sites: [ArchiveCatalog.Item] = []

        /// All of it.
        package var all: [ArchiveCatalog.Item] { covered + leftovers + sites }
        package var octets: UInt64 { all.reduce(0) { $0 + $1.octets } }
    }

    /// Says what would go.
    ///
    /// - Parameters:
    ///   - catalog: Of the archive.
    ///   - keepsLeftovers: Whether what is no part of the history stays.
    ///   - siteCount: How many configurations stay, the newest ones.
    /// - Returns: The plan.
    package static func plan(
        _ catalog: ArchiveCatalog, keepsLeftovers: Bool, siteCount: Int
    ) -> Plan {
        var plan = Plan()
        var segments: [(first: UInt64, last: UInt64)] = []
        for item in catalog.plan().items {
            if case .segment(let first, let last, _) = item.name {
                segments.append((first, last))
            }
        }
        for item in catalog.items {
            if !catalog.isPart(item) {
                if !keepsLeftovers { plan.leftovers.append(item) }
            } else if case .tail(let first, _) = item.name,
                segments.contains(where: { $0.first <= first && first <= $0.last })
            {
                plan.covered.append(item)
            }
        }
        plan.sites = Array(catalog.sites.dropLast(max(1, siteCount)))
        return plan
    }

    /// Removes it.
    ///
    /// - Parameters:
    ///   - plan: What goes.
    ///   - archive: Where from.
    ///   - progress: Called with how many are gone.
    /// - Throws: `inaccessible`.
    package static func run(
        _ plan: Plan, in archive: Archive, progress: (Int) -> Void = { _ in }
    ) throws(ArchiveError) {
        for (index, item) in plan.all.enumerated() {
            try archive.store.remove(archive.folder + item.name.path)
            progress(index + 1)
        }
    }
}
