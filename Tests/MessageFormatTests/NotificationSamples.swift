import MailModel
import MessageFormat

/// Notifications of every kind: for the tests here, and for other programs to judge.
///
/// With `WAYBILL_DSN_SAMPLES=DIRECTORY` in the environment, the tests write each as
/// `DIRECTORY/<name>.eml`.
enum NotificationSamples {
    static let arrival = EventTime(microseconds: 1_795_254_087_000_123)
    static let time = arrival.adding(seconds: 3600)
    static let ann = Mailbox(localPart: "ann", domain: "example.net")
    static let content =
        "Message-ID: <hello@example.net>\r\nFrom: ann@example.net\r\nSubject: hi\r\n\r\nhello\r\n"
    static let prologue = "Received: from a by b; Sat, 21 Nov 2026 09:41:27 +0000\r\n"

    static func notification(
        to: Mailbox = ann, envelopeID: String = "", returnContent: ReturnContent = .unspecified,
        body: BodyType = .sevenBit, smtpUTF8: Bool = false, content: String = content,
        recipients: [RecipientStatus] = [failed]
    ) -> DeliveryStatusNotification {
        DeliveryStatusNotification(
            reportingMTA: "mx.example.org", message: MessageID(epoch: 1, sequence: 3689), to: to,
            envelopeID: envelopeID, arrival: arrival, time: time, returnContent: returnContent,
            body: body, smtpUTF8: smtpUTF8, prologue: Array(prologue.utf8),
            content: Array(content.utf8), recipients: recipients)
    }

    static let failed = RecipientStatus(
        mailbox: Mailbox(localPart: "ben", domain: "example.com"),
        originalRecipient: "rfc822;Ben+2Bx@example.com", action: .failed,
        reply: Reply(550, EnhancedStatusCode(5, 1, 1), "no such user\nsee https://example.com/u"),
        remoteMTA: "mx.example.com", lastAttempt: time)

    static let delayed = RecipientStatus(
        mailbox: Mailbox(localPart: "cy", domain: "example.com"), action: .delayed,
        reply: Reply(451, EnhancedStatusCode(4, 7, 1), "greylisted, try again"),
        remoteMTA: "mx.example.com", lastAttempt: time,
        willRetryUntil: arrival.adding(seconds: 5 * 86_400))

    static let expired = RecipientStatus(
        mailbox: Mailbox(localPart: "dee", domain: "example.com"), action: .failed,
        reply: Reply(421, EnhancedStatusCode(4, 4, 7), "given up after 5 days"), isLocal: true)

    static let relayed = RecipientStatus(
        mailbox: Mailbox(localPart: "eve", domain: "example.com"), action: .relayed,
        reply: Reply(250, EnhancedStatusCode(2, 0, 0), "queued as 17"),
        remoteMTA: "mx.example.com", lastAttempt: time)

    static let utf8 = RecipientStatus(
        mailbox: Mailbox(localPart: "jürgen", domain: "bücher.example"),
        originalRecipient: "utf-8;jürgen@bücher.example", action: .failed,
        reply: Reply(550, EnhancedStatusCode(5, 6, 7), "the server does not offer SMTPUTF8"),
        isLocal: true)

    static let hostile = RecipientStatus(
        mailbox: Mailbox(localPart: "\"a\r\nX: y\"", domain: "example.com"),
        originalRecipient: "rfc822;a+0D+0AX-Forged:+20yes", action: .failed,
        reply: Reply(
            550, nil,
            "no\r\n--waybill-1-3k9-0\r\nX-Forged: yes " + String(repeating: "x", count: 1500)),
        remoteMTA: "mx\r\nX-Forged: yes")

    /// By the name of their file.
    static let all: [(name: String, notification: DeliveryStatusNotification)] = [
        ("failed", notification()),
        ("failed-full", notification(envelopeID: "QQ+20314159", returnContent: .full)),
        ("failed-headers", notification(returnContent: .headers)),
        ("delayed", notification(returnContent: .full, recipients: [delayed])),
        ("mixed", notification(recipients: [failed, expired, delayed, relayed])),
        ("relayed", notification(recipients: [relayed])),
        (
            "utf8",
            notification(
                returnContent: .full, body: .eightBitMIME, smtpUTF8: true,
                content: "Subject: Grüße\r\n\r\nsüß\r\n", recipients: [utf8, failed])
        ),
        (
            "utf8-ascii-only", notification(smtpUTF8: true)
        ),
        (
            "eight-bit",
            notification(
                returnContent: .full, body: .eightBitMIME,
                content: "Subject: x\r\n\r\nsüß\r\n")
        ),
        (
            "binary",
            notification(
                returnContent: .full, body: .binaryMIME, content: "Subject: x\r\n\r\na\u{0}b\rc")
        ),
        ("no-content", noContent),
        (
            "large",
            notification(
                returnContent: .full,
                content: "Subject: x\r\n\r\n" + String(repeating: "0123456789\r\n", count: 5000))
        ),
        (
            "hostile",
            notification(
                envelopeID: "a+0D+0AX-Forged:+20yes", returnContent: .full,
                content: content + "\r\n--waybill-1-3k9-0\r\nX: y\r\n--waybill-1-3k9-1--\r\n",
                recipients: [hostile, failed])
        ),
    ]

    private static var noContent: DeliveryStatusNotification {
        var notification = notification(content: "")
        notification.prologue = []
        return notification
    }
}
