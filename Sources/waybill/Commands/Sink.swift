import ArgumentParser
import EventLog
import Glibc
import MailEvents
import MailModel
import NIOCore
import NIOPosix
import SMTPProtocol
import SMTPTransport
import ServiceLifecycle
import UnixSignals

/// `waybill sink`: a receiving server for tests and demonstrations. Keeps nothing.
struct Sink: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sink",
        abstract: "Receive mail and throw it away: the far end of a test.",
        discussion: """
            Mailboxes can be given a behaviour:
              waybill sink --listen 127.0.0.1:2526 --refuse gone@example.org \\
                --defer busy@example.org:2 --bounce full@example.org
            """)

    @Option(help: "Listen here, HOST:PORT. Port 0 lets the kernel choose.")
    var listen = "127.0.0.1:2526"

    @Option(help: "Answer RCPT of this mailbox with 550 5.1.1; repeatable.")
    var refuse: [String] = []

    @Option(
        help: """
            MAILBOX:N: answer the content for this mailbox with 451 4.2.0 N times, then accept; \
            repeatable.
            """)
    var `defer`: [String] = []

    @Option(help: "Answer the content for this mailbox with 554 5.7.1; repeatable.")
    var bounce: [String] = []

    @Flag(help: "Print what was counted as one JSON object at the end.")
    var stats = false

    @Flag(help: "Print each message as one JSON object.")
    var verbose = false

    func run() async throws {
        guard let address = HostAndPort(listen) else {
            throw ValidationError("--listen \(listen): expected HOST:PORT")
        }
        let rules = SinkRules(
            refused: refuse, bounced: bounce, deferred: try deferrals())
        var session = ServerSessionConfiguration(hostname: "sink.invalid")
        session.extensions = [.smtpUTF8, .chunking, .binaryMIME, .dsn]
        session.relay.networks = ["0.0.0.0/0", "::/0"].compactMap { IPNetwork($0) }
        session.limits.messages = .max
        session.limits.recipients = 100_000
        // Clients come here to be refused.
        session.limits.errors = .max
        session.limits.messageOctets = 1 << 30
        let settings = session
        let printing = verbose
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let listener = try await Listener.bind(host: address.host, port: address.port, group: group)
        { channel in
            SinkHandler(
                configuration: settings, client: IPAddress("127.0.0.1"), rules: rules,
                received: { message, reply in
                    if printing { Self.show(message, reply) }
                })
        }
        print("sink: listening on \(address.host):\(listener.port)")
        fflush(nil)
        for await _ in await UnixSignalsSequence(trapping: .sigterm, .sigint) { break }
        await listener.close()
        if stats { show(rules.counts) }
        try await group.shutdownGracefully()
    }

    private func deferrals() throws -> [String: Int] {
        var times: [String: Int] = [:]
        for text in self.defer {
            guard let colon = text.lastIndex(of: ":"),
                let count = Int(text[text.index(after: colon)...]), count > 0
            else { throw ValidationError("--defer \(text): expected MAILBOX:N") }
            times[String(text[..<colon])] = count
        }
        return times
    }

    private static func show(_ message: CompletedMessage, _ reply: Reply) {
        var writer = JSONWriter()
        writer.beginObject()
        writer.string(message.envelope.reversePath.description, "reverse_path")
        writer.beginArray("recipients")
        for recipient in message.envelope.recipients {
            writer.string(recipient.mailbox.description)
        }
        writer.endArray()
        writer.number(message.content.count, "size")
        writer.string(reply.description, "reply")
        writer.endObject()
        print(writer.text)
        fflush(nil)
    }

    private func show(_ counts: SinkRules.Counts) {
        var writer = JSONWriter()
        writer.beginObject()
        writer.number(counts.sessions, "sessions")
        writer.number(counts.messages, "messages")
        writer.number(counts.recipients, "recipients")
        writer.number(counts.octets, "octets")
        writer.number(counts.refused, "refused")
        writer.number(counts.deferred, "deferred")
        writer.number(counts.bounced, "bounced")
        writer.endObject()
        print(writer.text)
    }
}
