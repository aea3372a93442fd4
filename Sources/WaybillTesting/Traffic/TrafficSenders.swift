import MailEvents
import MailModel

/// Who sends: tenants of very different size, with campaigns in bursts and mail all day long.
///
/// Concurrency: value.
struct TrafficSenders: Sendable {
    struct Tenant: Sendable {
        var name: String
        var domain: String
        /// People it writes to.
        var listSize: Int
        /// Sums of shares of what is not a campaign, to choose a tenant by.
        var plainSum: Double
        /// Its connections, made anew now and then.
        var session: IngressSession
    }

    /// Mail that goes out in one go.
    struct Burst: Sendable {
        var tenant: Int
        var campaign: String
        /// First minute and number of minutes.
        var minute: Int
        var minutes: Int
        var messages: Int
        /// Place in the tenant's list of the first person.
        var first: Int
        /// Octets of the template.
        var octets: Int
    }

    /// Names of what is sent all day long; a quarter has no campaign.
    static let plainCampaigns = ["receipts", "password-reset", "shipping", ""]

    static let count = 40
    private(set) var tenants: [Tenant] = []
    /// By first minute.
    private(set) var bursts: [Burst] = []

    init(_ plan: TrafficPlan, people: Int, random: inout SeededRandom) {
        var plainSum = 0.0
        var shares: [Double] = []
        for number in 0..<Self.count {
            let share = 1 / Double(number + 2)
            shares.append(share)
            // Some only send what people wait for, some only newsletters.
            plainSum += number % 5 == 1 ? share * 3 : number % 5 == 2 ? 0 : share
            let name = "tenant\(number)"
            tenants.append(
                Tenant(
                    name: name, domain: "mail.\(name).example",
                    listSize: max(50, Int(Double(people) * share * 0.8)), plainSum: plainSum,
                    session: Self.session(name, &random)))
        }
        planBursts(plan, shares, &random)
    }

    /// One or two newsletters a week, some more before the holidays.
    private mutating func planBursts(
        _ plan: TrafficPlan, _ shares: [Double], _ random: inout SeededRandom
    ) {
        let startDay = plan.start.microseconds / 86_400_000_000
        var drafts: [(burst: Burst, weight: Double)] = []
        for day in 0..<plan.days {
            for tenant in tenants.indices where tenant % 5 != 1 {
                let wish =
                    0.2 * TrafficClock.weekday(Int64(day), startDay)
                    * TrafficClock.season(day: day)
                guard Double(random.below(1000)) < wish * 1000 else { continue }
                let minute = day * 1440 + (6 + random.below(13)) * 60 + random.below(60)
                let size = shares[tenant] * Double(20 + random.below(100))
                let date = CivilDate(daysSinceUnixEpoch: startDay + Int64(day)).description
                drafts.append(
                    (
                        Burst(
                            tenant: tenant, campaign: "news-\(date)", minute: minute,
                            minutes: 20 + random.below(160), messages: 0,
                            first: random.below(1 << 30), octets: 15_000 + random.below(80_000)),
                        size
                    ))
            }
        }
        let total = drafts.reduce(0) { $0 + $1.weight }
        let messages = Double(plan.messages) * Double(TrafficPlan.Shares.bulk) / 1000
        for (draft, weight) in drafts {
            var burst = draft
            burst.messages = Int(messages * weight / total)
            if burst.messages > 0 { bursts.append(burst) }
        }
        bursts.sort { $0.minute < $1.minute }
    }

    /// A tenant by what it sends all day long.
    func plainTenant(_ random: inout SeededRandom) -> Int {
        let total = tenants[tenants.count - 1].plainSum
        let wanted = Double(random.next() >> 11) / 9_007_199_254_740_992 * total
        return tenants.firstIndex { wanted < $0.plainSum } ?? 0
    }

    /// The session that brings the next message of a tenant.
    mutating func session(of tenant: Int, _ random: inout SeededRandom) -> IngressSession {
        if random.oneIn(500) {
            tenants[tenant].session = Self.session(tenants[tenant].name, &random)
        }
        return tenants[tenant].session
    }

    private static func session(
        _ tenant: String, _ random: inout SeededRandom
    ) -> IngressSession {
        let isHTTP = random.oneIn(3)
        return IngressSession(
            listener: isHTTP ? "http" : "submission", serverName: "mta1.example.com",
            transmissionType: isHTTP ? .http : .esmtpsa,
            clientAddress: "192.0.2.\(random.below(250) + 1)",
            clientName: isHTTP ? "" : "app\(random.below(9)).\(tenant).example",
            identity: isHTTP ? tenant : "mailer@\(tenant).example",
            sessionID: isHTTP ? "" : TrafficNames.token(8, &random), tlsVersion: "TLSv1.3",
            tlsCipher: isHTTP ? "" : "TLS_AES_256_GCM_SHA384")
    }
}
