import MailModel
import MessageFormat
import NIOCore
import SMTPProtocol

/// What `waybill send` has to send, and what became of it.
///
/// Concurrency: bound to the one event loop of the command.
final class SendPlan {
    /// The same for all messages.
    struct Settings: Sendable {
        var reversePath: ReversePath
        var from: String
        var recipients: [Mailbox]
        var subject: String?
        var campaign: String
        var tenant: String
        var sizeOctets: Int
        var count: Int
        var notify: NotifyOn
        /// Read from a file, with CRLF line ends: sent as it is.
        var content: [UInt8]?
        /// `@domain` of made-up recipients; nil: everything to `recipients`.
        var madeUpDomain: String?
    }

    private let settings: Settings
    private(set) var begun = 0
    private(set) var accepted = 0
    private(set) var failures: [String: Int] = [:]
    private(set) var lastReply: Reply?
    /// Microseconds from the transaction's begin to its reply, in order of the replies.
    private(set) var latencies: [Int] = []

    init(_ settings: Settings) { self.settings = settings }

    /// Whether some messages have not been begun.
    var hasMore: Bool { begun < settings.count }

    /// Messages whose outcome is known.
    var finished: Int { accepted + failures.values.reduce(0, +) }
    var isFinished: Bool { finished >= settings.count }

    /// The next transaction, nil when there is none left.
    func next() -> ClientTransaction? {
        guard begun < settings.count else { return nil }
        let number = begun
        begun += 1
        let recipients = recipients(of: number)
        let now = SystemClock.now()
        var date: [UInt8] = []
        TraceFields.date(now, into: &date)
        let content =
            settings.content
            ?? SampleMessage(
                number: number, from: settings.from, to: recipients[0].description,
                subject: settings.subject, campaign: settings.campaign, tenant: settings.tenant,
                sizeOctets: settings.sizeOctets, sentAt: now,
                date: String(decoding: date.dropFirst(6).dropLast(2), as: UTF8.self)
            ).octets()
        let envelope = Envelope(
            reversePath: settings.reversePath,
            recipients: recipients.map {
                EnvelopeRecipient(mailbox: $0, notify: settings.notify)
            },
            body: content.contains(where: { $0 >= 0x80 }) ? .eightBitMIME : .sevenBit)
        return ClientTransaction(envelope: envelope, content: content)
    }

    /// A message with CRLF line ends, as it goes over the wire and as SIZE counts it.
    static func withLineEnds(_ octets: [UInt8]) -> [UInt8] {
        var encoder = ContentEncoder(stuffsDots: false)
        var encoded = ByteBuffer()
        encoder.encode(octets, octets.indices, into: &encoded)
        encoder.finish(into: &encoded)
        return Array(encoded.readableBytesView)
    }

    private func recipients(of number: Int) -> [Mailbox] {
        guard let domain = settings.madeUpDomain else { return settings.recipients }
        return [Mailbox(localPart: "user\(number)", domain: domain)]
    }

    /// Notes what became of a transaction.
    func note(_ result: TransactionResult, microseconds: Int) {
        latencies.append(microseconds)
        let refused = result.outcomes.first { $0.disposition != .delivered }
        lastReply = (refused ?? result.outcomes.first)?.reply
        if let refused {
            failures[refused.reply.description, default: 0] += 1
        } else {
            accepted += 1
        }
    }

    /// Notes that a transaction could not even begin.
    func note(failure: String) {
        begun += 1
        failures[failure, default: 0] += 1
    }
}
