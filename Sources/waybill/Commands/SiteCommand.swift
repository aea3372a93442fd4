import ArgumentParser
import EventLog
import HTTPAPI
import MailEvents
import MailModel

/// `waybill site`: this site and the others.
struct SiteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "site",
        abstract: "This site and the others: status, verify, drill, promote, switchover, rejoin.",
        discussion: """
            The data directory is that of the server at which the order is given; its server must run.
            Every order says what it will do with --dry-run, and does nothing when it is done already.
            docs/operations/sites.md has a runbook for each.
            """,
        subcommands: [
            SiteStatus.self, SiteVerify.self, SiteDrillCommand.self, SitePromote.self,
            SiteDemote.self, SiteSwitchover.self,
            SiteRejoinCommand.self, SiteSalvage.self, SiteForget.self,
        ])
}

/// `waybill site status`
struct SiteStatus: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Role, epoch, position, standbys, how far behind.",
        discussion: """
            Exit code 0 when the site does what its role says: a primary always, a standby while it is
            connected and not diverged; else 1. A primary that waits for the lease has the role waiting.
            A standby follows the primary of the highest epoch that it hears of; the line why says how it
            came to whom it follows.
            Example:
              waybill site status --data /var/lib/waybill
            """)

    @OptionGroup var options: DataOptions

    func run() async throws {
        let report = try await SiteCall.report(options)
        if options.json {
            print(report.json)
        } else {
            SiteText.lines(report).forEach { print($0) }
        }
        let primary = report["primary"]
        if ["fenced", "waiting"].contains(report["role"].text) { throw Exit.found }
        if primary != .null, !primary["connected"].isTrue || primary["diverged"].isTrue {
            throw Exit.found
        }
    }
}

/// `waybill site promote`
struct SitePromote: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "promote", abstract: "Make this standby the primary: open the next epoch.",
        discussion: """
            For when the primary is lost. While it answers, switchover at the primary loses nothing.
            With a lease in etcd, the lease must be free, or is taken away with --force.
            Examples:
              waybill site promote --data /var/lib/waybill --dry-run
              waybill site promote --data /var/lib/waybill
            """)

    @OptionGroup var options: DataOptions
    @OptionGroup var order: SiteOrderOptions

    @Flag(help: "Although the primary answers, holds the lease, or this site was fenced.")
    var force = false

    func run() async throws {
        try await order.carryOut("promote", ["force": .bool(force)], options, until: "primary")
    }
}

/// `waybill site demote`
struct SiteDemote: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demote", abstract: "Stop writing here, and follow another site.",
        discussion: """
            Nothing is lost, but nobody accepts mail until another site is promoted.
            Example:
              waybill site demote --follow 192.0.2.2:7025 --data /var/lib/waybill
            """)

    @OptionGroup var options: DataOptions
    @OptionGroup var order: SiteOrderOptions

    @Option(help: "Whom to follow, HOST:PORT.")
    var follow: String

    func run() async throws {
        try await order.carryOut(
            "demote", ["follow": .text(follow)], options, until: "standby")
    }
}

/// `waybill site switchover`
struct SiteSwitchover: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "switchover", abstract: "Hand over to a standby, without loss.",
        discussion: """
            At the primary. Senders see a short 421; nothing is lost, accepted twice or sent twice.
            Examples:
              waybill site switchover --data /var/lib/waybill
              waybill site switchover --to berlin --data /var/lib/waybill
            """)

    @OptionGroup var options: DataOptions
    @OptionGroup var order: SiteOrderOptions

    @Option(help: "Name of the standby; not needed when there is one only.")
    var to: String = ""

    func run() async throws {
        try await order.carryOut("switchover", ["to": .text(to)], options, until: "standby")
    }
}

/// `waybill site rejoin`
struct SiteRejoinCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rejoin", abstract: "Let a former primary follow the new one.",
        discussion: """
            What only this site has is exported whole below DATA/salvage, reported, and only then cut
            off; the rest is not copied again. Its messages can be queued anew: waybill site salvage.
            Example:
              waybill site rejoin --follow 192.0.2.2:7025 --data /var/lib/waybill
            """)

    @OptionGroup var options: DataOptions
    @OptionGroup var order: SiteOrderOptions

    @Option(help: "The new primary, HOST:PORT.")
    var follow: String

    func run() async throws {
        try await order.carryOut(
            "rejoin", ["follow": .text(follow)], options, until: "standby")
    }
}

/// `waybill site salvage`
struct SiteSalvage: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "salvage", abstract: "Queue anew what only a lost site had accepted.",
        discussion: """
            At the primary. EXPORT is a directory below salvage/ of the site that rejoined; copy it to
            this machine first, where the server's user can read it. Each message is queued for the
            recipients that were not final there, once: a second run queues nothing again.
            Examples:
              waybill site salvage /var/tmp/e1-1503-2403 --data /var/lib/waybill --dry-run
              waybill site salvage /var/tmp/e1-1503-2403 --data /var/lib/waybill
            """)

    @OptionGroup var options: DataOptions

    @Argument(help: "The export.")
    var export: String

    @Flag(help: "Say what would be queued, and queue nothing.")
    var dryRun = false

    func run() async throws {
        var writer = JSONWriter()
        writer.beginObject()
        writer.string(TextFile.absolutePath(export), "directory")
        writer.bool(dryRun, "dry_run")
        writer.endObject()
        let answer = try await SiteCall.post("/api/v1/site/salvage", writer.text, options)
        if options.json { return print(answer.json) }
        print(
            "\(answer["messages"].text) message(s) were accepted only there, "
                + "\(answer["finished"].text) finished there")
        print(
            "\(dryRun ? "would queue" : "queued") \(answer["queued"].text) message(s) for "
                + "\(answer["recipients"].text) recipient(s)")
        if answer["already_queued"].number > 0 {
            print("\(answer["already_queued"].text) message(s) were queued by an earlier run")
        }
        if answer["without_content"].number > 0 {
            print("\(answer["without_content"].text) message(s) have no content there: lost")
        }
        if answer["delivered_elsewhere"].number > 0 {
            print(
                "\(answer["delivered_elsewhere"].text) delivery(s) were made there of messages that "
                    + "this site has too: their recipients may have got them twice")
        }
    }
}

/// `waybill site forget`
struct SiteForget: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forget", abstract: "Keep nothing of the log for a standby that is gone.",
        discussion: """
            At the primary. What a standby still needs is not pruned, up to slot_size; a standby that
            will not come back is forgotten with this. One that comes back all the same goes on if the
            log still has what it needs.
            Example:
              waybill site forget berlin --data /var/lib/waybill
            """)

    @OptionGroup var options: DataOptions

    @Argument(help: "Name of the standby.")
    var standby: String

    func run() async throws {
        var writer = JSONWriter()
        writer.beginObject()
        writer.string(standby, "standby")
        writer.endObject()
        let answer = try await SiteCall.post("/api/v1/site/forget", writer.text, options)
        print(options.json ? answer.json : "\(standby) is forgotten")
    }
}
