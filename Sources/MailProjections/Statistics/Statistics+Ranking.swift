import MailModel

// Lists of subjects: what there is to choose from is found without building what will not be shown.
extension Statistics {
    /// What a list is ordered by; what is equal stands in the order of keys.
    package enum Order: Sendable { case recent, busiest }

    /// A subject in a list, good for the value it came from only.
    package struct Ranked: Sendable {
        let number: Int
        /// What happened to it in the span.
        package var counters: DeliveryCounters
    }

    /// The subjects of a kind with something in a span, in order.
    ///
    /// - Parameters:
    ///   - kind: Which kind.
    ///   - order: In what order.
    ///   - span: What is counted.
    ///   - tenant: Only those with this first part of the key (see ``SubjectKey``); nil: any.
    ///   - name: Only those of this name; nil: any.
    /// - Returns: All of them; which are shown is decided afterwards.
    package func ranked(
        _ kind: SubjectKind, by order: Order, _ span: Span, tenant: String? = nil,
        name: String? = nil
    ) -> [Ranked] {
        var found: [Ranked] = []
        for number in numbers(kind, tenant: tenant, name: name) {
            if let since = span.since, cells[number].lastAt < since.microseconds { continue }
            let counters =
                span.isEverything
                ? total(number) : self.counters(number, since: span.since, until: span.until)
            if counters.isZero, !span.isEverything { continue }
            found.append(Ranked(number: number, counters: counters))
        }
        func weight(_ one: Ranked) -> Int64 {
            order == .recent
                ? cells[one.number].lastAt
                : Int64(one.counters.attempts &+ one.counters.queued)
        }
        return found.sorted { left, right in
            let (leftWeight, rightWeight) = (weight(left), weight(right))
            guard leftWeight == rightWeight else { return leftWeight > rightWeight }
            return subjects[left.number].key.lexicographicallyPrecedes(subjects[right.number].key)
        }
    }

    /// The keys of the campaigns that fit, ascending.
    package func campaignKeys(name: String?, tenant: String?) -> [SubjectKey] {
        numbers(.campaign, tenant: tenant, name: name)
            .compactMap { SubjectKeyBytes.key(subjects[$0].key) }
            .sorted { ($0.tenant, $0.name) < ($1.tenant, $1.name) }
    }

    /// The key of a subject in a list.
    package func key(_ one: Ranked) -> SubjectKey? {
        SubjectKeyBytes.key(subjects[one.number].key)
    }

    /// What one domain has of a subject in a list; nil when it is not among the largest.
    func counters(ofDomain domain: String, in one: Ranked) -> DeliveryCounters? {
        guard let name = names.find(Array(domain.utf8)[...]) else { return nil }
        let domains = subjects[one.number].domains
        return domains.top.index(of: name).map { domains.counters[$0] }
    }

    /// Numbers of subjects by what their key must have.
    private func numbers(_ kind: SubjectKind, tenant: String?, name: String?) -> [Int] {
        if let tenant, let name {
            let key = SubjectKey(kind: kind, tenant: tenant, name: name)
            return number(key).map { [$0] } ?? []
        }
        func part(_ text: String) -> [UInt8] {
            let kept = Array(text.utf8.prefix(Limits.nameOctetsMaximum))
            return [UInt8(truncatingIfNeeded: kept.count)] + kept
        }
        // A key is the kind, then both parts, each with its length before it.
        let start = [kind.rawValue] + (tenant.map(part) ?? [])
        let end = name.map(part) ?? []
        return subjects.indices.filter { number in
            guard cells[number].isThere, subjects[number].kind == kind else { return false }
            let key = subjects[number].key
            guard key.starts(with: start) else { return false }
            guard !end.isEmpty else { return true }
            let nameAt = 2 + Int(key[1])
            return key[nameAt...].elementsEqual(end)
        }
    }
}
