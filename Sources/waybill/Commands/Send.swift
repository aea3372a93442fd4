import ArgumentParser
import Glibc
import MailModel
import NIOCore
import NIOPosix
import SMTPProtocol
import SMTPTransport

/// `waybill send`: test messages over SMTP.
struct Send: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "send",
        abstract: "Send test messages to a server and say what it answered.",
        discussion: """
            Examples:
              waybill send --server 127.0.0.1:2525 --from ann@example.org --to ben@example.net
              waybill send --server 127.0.0.1:2525 --from shop@example.org --to-domain example.net \\
                --count 1000 --sessions 10 --campaign spring
            The server may take as long as RFC 5321 says (5 minutes for its greeting and for most
            replies, 10 for the one to the content); beyond, the message counts as not accepted.
            Exit code 0: every message was accepted. 1: some were not.
            """)

    @Option(help: "Server, HOST:PORT.") var server = "127.0.0.1:2525"
    @Option(help: "Reverse-path and From; an empty text for the null reverse-path.")
    var from = "sender@example.org"
    @Option(help: "Recipient mailbox; repeatable: all get the same message.") var to: [String] = []
    @Option(help: "Instead of --to: user0, user1, ... at this domain, one for each message.")
    var toDomain: String?
    @Option(help: "Messages.") var count = 1
    @Option(help: "Connections side by side.") var sessions = 1
    @Option(help: "Subject; default: one that looks real.") var subject: String?
    @Option(help: "X-Campaign field.") var campaign = ""
    @Option(help: "X-Tenant field.") var tenant = ""
    @Option(help: "Pad each message to at least this many octets.") var size = 0
    @Option(help: "Send this file as the message: its octets, with CRLF line ends; at most 50 MiB.")
    var file: String?
    @Option(help: "NOTIFY: never, success, failure, delay, joined by commas.") var notify: String?
    @Option(help: "none, opportunistic, required, or insecure: required, any certificate.")
    var tls = "opportunistic"
    @Option(help: "User for AUTH.") var authUser: String?
    @Option(help: "Password for AUTH.") var authPassword: String?
    @Flag(help: "Print rate and latency.") var stats = false
    @Flag(help: "No progress, no summary; the exit code tells.") var quiet = false

    func run() async throws {
        guard let address = HostAndPort(server) else {
            throw ValidationError("--server \(server): expected HOST:PORT")
        }
        let settings = try settings()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let eventLoop = group.next()
        let target: SocketAddress
        do {
            target = try SocketAddress.makeAddressResolvingHost(address.host, port: address.port)
        } catch {
            complain("waybill: \(address.host): \(error)")
            throw Exit.unavailable
        }
        let configuration = try sessionConfiguration()
        let context = try TLSClientContext(verification: tls == "required" ? .full : .none)
        let progress = Progress(title: "sending", total: settings.count, shown: !quiet)
        let start = NIODeadline.now()
        let sessions = min(self.sessions, settings.count)
        let summary = try await eventLoop.flatSubmit {
            SendRun(
                plan: SendPlan(settings), configuration: configuration, tls: context,
                target: target, hostName: address.host, eventLoop: eventLoop, progress: progress
            ).run(sessions: sessions)
        }.get()
        progress.finish()
        let seconds = Double((NIODeadline.now() - start).nanoseconds) / 1e9
        try await group.shutdownGracefully()
        if !quiet { report(summary, seconds: seconds) }
        guard summary.failures.isEmpty else { throw Exit.found }
    }

    private func settings() throws -> SendPlan.Settings {
        let recipients = try to.map { try mailbox($0, "--to") }
        guard !recipients.isEmpty || toDomain != nil else {
            throw ValidationError("say to whom: --to MAILBOX, or --to-domain DOMAIN")
        }
        var notifyOn: NotifyOn = []
        for word in (notify ?? "").split(separator: ",") {
            let known: [Substring: NotifyOn] = [
                "never": .never, "success": .success, "failure": .failure, "delay": .delay,
            ]
            guard let flag = known[word] else {
                throw ValidationError("--notify \(word): expected never, success, failure or delay")
            }
            notifyOn.insert(flag)
        }
        guard count > 0, sessions > 0 else {
            throw ValidationError("--count and --sessions: expected at least 1")
        }
        return SendPlan.Settings(
            reversePath: from.isEmpty ? .null : .mailbox(try mailbox(from, "--from")), from: from,
            recipients: recipients, subject: subject, campaign: campaign, tenant: tenant,
            sizeOctets: size, count: count, notify: notifyOn,
            content: try file.map { try content(of: $0) }, madeUpDomain: toDomain)
    }

    /// Octets of a file, at most: what Waybill takes of a message where nothing else is configured.
    private static let fileOctetsMax = ServerLimits().messageOctets

    private func content(of file: String) throws -> [UInt8] {
        do {
            return SendPlan.withLineEnds(
                try TextFile.octets(file, atMost: Self.fileOctetsMax))
        } catch {
            complain("waybill: \(file): \(error)")
            throw Exit.unavailable
        }
    }

    private func mailbox(_ text: String, _ option: String) throws -> Mailbox {
        guard let at = text.lastIndex(of: "@"), at > text.startIndex,
            text.index(after: at) < text.endIndex
        else {
            throw ValidationError("\(option) \(text): expected a mailbox such as ann@example.org")
        }
        return Mailbox(
            localPart: String(text[..<at]), domain: String(text[text.index(after: at)...]))
    }

    private func sessionConfiguration() throws -> ClientSessionConfiguration {
        let policies: [String: ClientTLSPolicy] = [
            "none": .none, "opportunistic": .opportunistic, "required": .required,
            "insecure": .required,
        ]
        guard let policy = policies[tls] else {
            throw ValidationError(
                "--tls \(tls): expected none, opportunistic, required or insecure")
        }
        let credentials = authUser.map {
            ClientCredentials(
                identity: $0, password: authPassword ?? "",
                nonce: String(UInt64.random(in: 1 ... .max), radix: 36)
                    + String(UInt64.random(in: 1 ... .max), radix: 36))
        }
        // A server without 8BITMIME gets 8-bit content too: what it makes of it is what a test is for.
        return ClientSessionConfiguration(
            clientName: HostName.ofThisMachine(), tls: policy, credentials: credentials,
            eightBit: .sendAsIs)
    }

    private func report(_ summary: SendRun.Summary, seconds: Double) {
        if count == 1, let reply = summary.lastReply { print(reply.description) }
        for (reply, times) in summary.failures.sorted(by: { $0.value > $1.value }).prefix(10) {
            complain("\(times) not accepted: \(EventLine.printable(reply))")
        }
        guard count > 1 || stats else { return }
        let rate = Human.decimal(Double(summary.accepted) / max(seconds, 0.000_001), places: 0)
        print(
            "\(summary.accepted) of \(count) accepted in \(Human.decimal(seconds, places: 2)) s (\(rate)/s)"
        )
        if stats, !summary.latencies.isEmpty {
            let sorted = summary.latencies.sorted()
            func percentile(_ share: Double) -> String {
                Human.decimal(
                    Double(sorted[Int(Double(sorted.count - 1) * share)]) / 1000, places: 2)
            }
            print(
                "transaction ms: p50 \(percentile(0.5)), p99 \(percentile(0.99)), max \(percentile(1))"
            )
        }
    }
}
