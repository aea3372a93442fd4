import MailModel

/// Messages that look like real mail, for `waybill send` and the demo.
///
/// The same number gives the same message. Concurrency: value.
struct SampleMessage {
    /// Which message of the run this is, from 0.
    var number: Int
    /// RFC 5322 `From` and `To`.
    var from: String
    var to: String
    var subject: String?
    var campaign: String
    var tenant: String
    /// Added as lines until the message has at least this many octets; 0 for none.
    var sizeOctets: Int = 0
    var sentAt: EventTime
    /// RFC 5322 form of `sentAt`.
    var date: String

    private static let names = ["Anna", "Ben", "Chiara", "Dmitri", "Esra", "Femi", "Grace", "Hugo"]
    private static let topics: [(subject: String, text: String)] = [
        ("Your order 4-%n is on its way", "we handed your parcel to the carrier this morning"),
        ("Receipt for payment %n", "thank you for your payment; the receipt is below"),
        (
            "Reset your password",
            "somebody asked to reset your password; the link works for an hour"
        ),
        ("Weekly digest no. %n", "here is what happened in your projects this week"),
        (
            "Your appointment is confirmed",
            "we look forward to seeing you on Tuesday at half past nine"
        ),
        ("Invoice 2026-%n", "please find your invoice for the past month below"),
    ]

    /// Header and body with CRLF line ends, text and HTML parts.
    func octets() -> [UInt8] {
        let topic = Self.topics[number % Self.topics.count]
        let name = Self.names[number % Self.names.count]
        let subject = subject ?? topic.subject.replacing("%n", with: String(10_000 + number * 37))
        let boundary = "part-\(number)-\(sentAt.microseconds)"
        var lines = [
            "From: Example Shop <\(from)>", "To: \(name) <\(to)>", "Subject: \(subject)",
            "Date: \(date)",
            "Message-ID: <\(sentAt.microseconds).\(number)@\(domain(of: from))>",
            "MIME-Version: 1.0",
            "Content-Type: multipart/alternative; boundary=\"\(boundary)\"",
        ]
        if !campaign.isEmpty { lines.append("X-Campaign: \(campaign)") }
        if !tenant.isEmpty { lines.append("X-Tenant: \(tenant)") }
        lines += [
            "", "--\(boundary)", "Content-Type: text/plain; charset=us-ascii", "",
            "Dear \(name),", "", "\(topic.text).", "",
            "Reference: \(10_000 + number * 37)", "", "Kind regards", "Example Shop",
            "--\(boundary)", "Content-Type: text/html; charset=us-ascii", "",
            "<html><body style=\"font-family: sans-serif\">",
            "<p>Dear \(name),</p><p>\(topic.text).</p>",
            "<p>Reference: <b>\(10_000 + number * 37)</b></p>",
            "<p>Kind regards<br>Example Shop</p></body></html>",
            "--\(boundary)--", "",
        ]
        var text = lines.joined(separator: "\r\n")
        var line = 0
        while text.utf8.count < sizeOctets {
            text += "Line \(line) of the padding that makes this message as large as asked for.\r\n"
            line += 1
        }
        return Array(text.utf8)
    }

    private func domain(of mailbox: String) -> String {
        mailbox.split(separator: "@").last.map(String.init) ?? "localhost"
    }
}
