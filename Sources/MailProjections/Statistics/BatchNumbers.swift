import MailEvents

/// Numbers of a batch's texts, found once a batch.
///
/// Concurrency: value.
struct BatchNumbers: Sendable {
    /// What a text stands for in each of its parts; 0 when that is not known yet, else number + 1.
    struct Slot: Sendable {
        var tenant: UInt32 = 0
        var domain: UInt32 = 0
        var domainName: UInt32 = 0
        /// Number + 2: 1 when the provider itself is not needed, but its name.
        var provider: UInt32 = 0
        /// As it is, good when ``provider`` is known.
        var providerName: UInt32 = 0
        var source: UInt32 = 0
        /// For an identity: the text of the tenant it was noted with, + 1.
        var loginTenant: UInt32 = 0
    }

    var texts: BatchTexts?
    /// By number of text: place in ``slots`` + 1.
    private var places: [UInt32] = []
    var slots: [Slot] = []
    /// Campaigns by tenant's and campaign's text.
    var campaigns = PairTable()
    /// Routes by source address's and MX host's text.
    var routes = PairTable()

    /// Begins a batch.
    mutating func begin(_ texts: BatchTexts) {
        self.texts = texts
        reset()
    }

    /// Forgets what was found.
    mutating func reset() {
        guard let texts else { return }
        places.removeAll(keepingCapacity: true)
        places.append(contentsOf: repeatElement(0, count: texts.lastNumber + 1))
        slots.removeAll(keepingCapacity: true)
        campaigns.removeAll()
        routes.removeAll()
    }

    /// Lets go of the batch.
    mutating func end() { texts = nil }

    /// The place of a text in ``slots``.
    @inline(__always)
    mutating func slot(_ text: UInt32) -> Int {
        let known = places[Int(text)]
        if known != 0 { return Int(known) - 1 }
        slots.append(Slot())
        places[Int(text)] = UInt32(slots.count)
        return slots.count - 1
    }

    /// The octets of a text.
    func octets(_ text: UInt32) -> ArraySlice<UInt8> { texts?[octets: text] ?? [] }
}

/// Numbers of subjects that two texts name together: one of them may stand in many pairs, so that a
/// slot of its own would not do. Each place has the last pair that fell there.
///
/// Concurrency: value.
struct PairTable: Sendable {
    private static let bits: UInt32 = 10

    private struct Pair {
        var first: UInt32 = 0
        var second: UInt32 = 0
        /// Number of the subject + 1; 0 for an empty place.
        var number: UInt32 = 0
    }

    private var pairs = [Pair](repeating: Pair(), count: 1 << Int(Self.bits))
    /// Whether there is anything to remove.
    private var isEmpty = true

    /// Forgets every pair.
    mutating func removeAll() {
        guard !isEmpty else { return }
        isEmpty = true
        for place in pairs.indices { pairs[place].number = 0 }
    }

    @inline(__always)
    private static func place(_ first: UInt32, _ second: UInt32) -> Int {
        let mixed = (first &* 0x9E37_79B1) ^ (second &* 0x85EB_CA77)
        return Int(mixed >> (32 - bits))
    }

    /// The subject of a pair of texts, if it was found before and no other pair took its place.
    @inline(__always)
    func find(_ first: UInt32, _ second: UInt32) -> Int? {
        let known = pairs[Self.place(first, second)]
        guard known.number != 0, known.first == first, known.second == second else { return nil }
        return Int(known.number) - 1
    }

    /// Keeps what was found.
    mutating func set(_ first: UInt32, _ second: UInt32, to number: Int) {
        isEmpty = false
        pairs[Self.place(first, second)] = Pair(
            first: first, second: second, number: UInt32(number + 1))
    }
}
