import ArgumentParser
import MailEvents
import MailModel

/// Which recipients an order is about.
struct ScopeOptions: ParsableArguments {
    @Option(help: "Of this campaign.") var campaign: String?
    @Option(help: "Of this tenant.") var tenant: String?
    @Option(help: "At this domain.") var domain: String?
    @Option(help: "In this queue: CAMPAIGN:TENANT@DOMAIN; what is left out is any.")
    var queue: String?
    @Option(help: "Of this message, by its id.") var message: String?
    @Flag(help: "Every recipient.") var all = false

    func validate() throws {
        let parts = [campaign, tenant, domain, queue, message].compactMap(\.self)
        if parts.isEmpty != all {
            throw ValidationError(
                all
                    ? "say --all, or name what it is about, not both"
                    : "say what it is about: --campaign, --tenant, --domain, --queue, --message,"
                        + " or --all")
        }
        if parts.contains("") { throw ValidationError("a name is not empty") }
        if let message, MessageID(message) == nil {
            throw ValidationError("--message \(message): expected an id such as 1-3k9")
        }
    }

    /// Writes the members of an order.
    func write(to writer: inout JSONWriter) {
        if let campaign { writer.string(campaign, "campaign") }
        if let tenant { writer.string(tenant, "tenant") }
        if let domain { writer.string(domain, "domain") }
        if let queue { writer.string(queue, "queue") }
        if let message { writer.string(message, "message_id") }
        if all { writer.bool(true, "all") }
    }
}

/// When something is over by itself.
struct EndOptions: ParsableArguments {
    @Option(name: .customLong("for"), help: "Over after this time: 90s, 30m, 24h, 7d.")
    var duration: String?
    @Option(help: "Over at this time: 2026-11-21T09:00 (UTC).") var until: TimeArgument?

    func validate() throws {
        if let duration {
            guard let seconds = TimeArgument.seconds(duration), seconds > 0 else {
                throw ValidationError("--for \(duration): expected a time such as 30m, 24h or 7d")
            }
            if until != nil { throw ValidationError("--for and --until exclude each other") }
        }
    }

    /// Writes the member of a request with the name that it has there.
    func write(_ key: StaticString, to writer: inout JSONWriter) {
        if let seconds = duration.flatMap(TimeArgument.seconds) {
            writer.number(seconds, "duration_seconds")
        } else if let until {
            writer.time(until.time(now: SystemClock.now()), key)
        }
    }
}
