import MailEvents
import MailModel

/// Where mail goes: a few large providers, and a long tail of domains of their own.
///
/// Concurrency: value.
struct TrafficDomains: Sendable {
    /// How a domain's hosts behave.
    enum Manner: UInt8, Sendable {
        case plain, greylists, dead, missing
    }

    /// What the hosts say when they take a message; each says it in its own way.
    enum Dialect: UInt8, Sendable {
        case queueToken, internalID, queuedAs
    }

    struct Domain: Sendable {
        var name: String
        /// Host names of the MX records; one is taken for each attempt.
        var hosts: [String]
        var dialect: Dialect
        var manner: Manner
        /// One of the large providers' own.
        var isLarge: Bool
    }

    /// The large ones come first.
    private(set) var all: [Domain] = []
    /// Sums of the shares of the large ones, in per mille of their people.
    private var largeSums: [Int] = []
    /// Sums of the weights of the others.
    private var tailSums: [Double] = []

    private static let large: [(name: String, hosts: String, share: Int, dialect: Dialect)] = [
        ("freemail.example", "in.l.freemail.example", 340, .queueToken),
        ("postbox.example", "olc.protection.postbox.example", 180, .internalID),
        ("hotpost.example", "olc.protection.postbox.example", 90, .internalID),
        ("ymail.example", "am0.yahost.example", 120, .queuedAs),
        ("rocketpost.example", "am0.yahost.example", 30, .queuedAs),
        ("cloudme.example", "mail.cloudme.example", 90, .queuedAs),
        ("webpost.example", "mx.webpost.example", 80, .queuedAs),
        ("telecom.example", "mx.telecom.example", 70, .queuedAs),
    ]
    private static let hosters = ["hosted-one.example", "hosted-two.example", "suite.example"]

    /// Makes the large domains and `count` others.
    init(count: Int, random: inout SeededRandom) {
        var sum = 0
        for (name, hosts, share, dialect) in Self.large {
            sum += share
            largeSums.append(sum)
            all.append(
                Domain(
                    name: name, hosts: (1...4).map { "mx\($0).\(hosts)" }, dialect: dialect,
                    manner: .plain, isLarge: true))
        }
        var weight = 0.0
        for number in 0..<count {
            weight += 1 / Double(number + 20)
            tailSums.append(weight)
            all.append(Self.small(number, &random))
        }
    }

    private static func small(_ number: Int, _ random: inout SeededRandom) -> Domain {
        let name = "\(TrafficNames.word(random.next()))-\(number).example"
        let label = name.replacing(".", with: "-")
        let chance = random.below(1000)
        let manner: Manner =
            if chance < TrafficPlan.Shares.deadDomain {
                .dead
            } else if chance < TrafficPlan.Shares.deadDomain + TrafficPlan.Shares.missingDomain {
                .missing
            } else if chance < TrafficPlan.Shares.greylistingDomain {
                .greylists
            } else {
                .plain
            }
        let host = random.below(10)
        let hosts =
            host < 6 && manner == .plain
            ? ["\(label).mail.\(hosters[host % hosters.count])"] : ["mx1.\(name)", "mx2.\(name)"]
        return Domain(
            name: name, hosts: hosts, dialect: host < 3 ? .internalID : .queuedAs, manner: manner,
            isLarge: false)
    }

    /// The number of the domain of a person, who is a random number.
    func number(ofPerson person: UInt64) -> Int {
        let chance = Int(person % 1000)
        let rest = person / 1000
        if chance < TrafficPlan.Shares.consumers || tailSums.isEmpty {
            let place = Int(rest % 1000)
            return largeSums.firstIndex { place < $0 } ?? 0
        }
        let total = tailSums[tailSums.count - 1]
        let wanted = Double(rest & 0xFFFF_FFFF) / 4_294_967_296 * total
        var low = 0
        var high = tailSums.count - 1
        while low < high {
            let middle = (low + high) / 2
            if tailSums[middle] < wanted { low = middle + 1 } else { high = middle }
        }
        return Self.large.count + low
    }
}
