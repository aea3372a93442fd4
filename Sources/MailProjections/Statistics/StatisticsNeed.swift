/// What of the statistics a question needs: a state of an earlier event that has nothing else is made in
/// a fraction of the time.
///
/// What is there is what the whole statistics have, bit for bit: subjects of a kind are counted, limited
/// and dropped without regard to those of other kinds.
///
/// Concurrency: value.
package struct StatisticsNeed: Hashable, Sendable {
    /// The subjects whose replies and breakdowns by domain and provider are there.
    package enum Breakdowns: Hashable, Sendable {
        case none
        /// Those of that name, whatever their kind and tenant.
        case of(String)
        case all
    }

    /// A bit for each kind whose subjects are there, by raw value.
    private var kinds: UInt8 = 0
    package let breakdowns: Breakdowns
    /// Whether any subject has breakdowns, and whether all have.
    let hasBreakdowns: Bool
    let hasAllBreakdowns: Bool

    /// Needs subjects of some kinds.
    package init(_ kinds: [SubjectKind], breakdowns: Breakdowns = .none) {
        for kind in kinds { self.kinds |= Self.bit(kind) }
        self.breakdowns = breakdowns
        hasBreakdowns = breakdowns != .none
        hasAllBreakdowns = breakdowns == .all
    }

    /// Needs all there is.
    package static let everything = StatisticsNeed(SubjectKind.allCases, breakdowns: .all)

    @inline(__always)
    private static func bit(_ kind: SubjectKind) -> UInt8 { 1 << kind.rawValue }

    /// Whether subjects of a kind are there.
    @inline(__always)
    func has(_ kind: SubjectKind) -> Bool { kinds & Self.bit(kind) != 0 }

    /// Whether the subject with a key (see ``SubjectKeyBytes``) has its replies and breakdowns.
    func hasBreakdowns(_ key: [UInt8]) -> Bool {
        switch breakdowns {
        case .none: return false
        case .all: return true
        case .of(let name):
            guard key.count > 1 else { return false }
            let nameAt = 3 + Int(key[1])
            return nameAt <= key.count
                && key[nameAt...].elementsEqual(name.utf8.prefix(Limits.nameOctetsMaximum))
        }
    }

    /// Whether everything that another needs is there.
    package func covers(_ other: StatisticsNeed) -> Bool {
        other.kinds & ~kinds == 0
            && (breakdowns == .all || !other.hasBreakdowns || breakdowns == other.breakdowns)
    }

    /// Whether there is a kind that both need.
    package func overlaps(_ other: StatisticsNeed) -> Bool { kinds & other.kinds != 0 }

    /// What two need together.
    package func union(_ other: StatisticsNeed) -> StatisticsNeed {
        let breakdowns: Breakdowns =
            !other.hasBreakdowns || breakdowns == other.breakdowns
            ? breakdowns : hasBreakdowns ? .all : other.breakdowns
        var both = StatisticsNeed([], breakdowns: breakdowns)
        both.kinds = kinds | other.kinds
        return both
    }
}
