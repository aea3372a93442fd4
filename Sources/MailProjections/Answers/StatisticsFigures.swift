/// What metrics are made of: counters since the log began, which go on across restarts.
///
/// Concurrency: value.
package struct StatisticsFigures: Sendable {
    /// A part of the server's mail.
    package struct Part: Hashable, Sendable {
        /// Of the tenant or provider; `(others)` for those together that have no part of their own.
        package var name: String
        package var counters: DeliveryCounters
    }

    package var tenants: [Part]
    /// Empty when they were asked of one tenant.
    package var providers: [Part] = []
    /// The whole server; nil when they were asked of one tenant.
    package var server: SubjectReport?
}

extension Statistics {
    /// The figures of the server, or of one tenant.
    ///
    /// Tenants and providers that were seen first have parts of their own, the later ones are counted
    /// together: so a name never moves from the others to a part of its own while an older one
    /// stays, and no counter goes back.
    package func figures(of tenant: String? = nil) -> StatisticsFigures {
        if let tenant {
            let report = report(SubjectKey(kind: .tenant, name: tenant))
            return StatisticsFigures(
                tenants: report.map { [.init(name: tenant, counters: $0.counters)] } ?? [])
        }
        return StatisticsFigures(
            tenants: parts(.tenant, maximum: Limits.tenantsInMetrics),
            providers: parts(.provider, maximum: Limits.providersInMetrics),
            server: report(SubjectKey(kind: .server, name: "")))
    }

    private func parts(_ kind: SubjectKind, maximum: Int) -> [StatisticsFigures.Part] {
        let numbers = subjects.indices
            .filter { cells[$0].isThere && subjects[$0].kind == kind }
            .sorted { left, right in
                let (first, second) = (subjects[left], subjects[right])
                guard first.firstAt == second.firstAt else {
                    return first.firstAt < second.firstAt
                }
                return first.key.lexicographicallyPrecedes(second.key)
            }
        var parts: [StatisticsFigures.Part] = []
        var others = DeliveryCounters()
        for number in numbers {
            guard let key = SubjectKeyBytes.key(subjects[number].key) else { continue }
            if key.isOverflow || parts.count >= maximum {
                others += total(number)
            } else {
                parts.append(.init(name: key.name, counters: total(number)))
            }
        }
        if !others.isZero { parts.append(.init(name: "(others)", counters: others)) }
        return parts
    }
}
