import MailModel
import Testing
import WaybillTesting

@testable import MessageFormat

@Suite("Reports that come back")
struct IncomingReportTests {
    /// The example of RFC 5965 appendix B.1, with a Received field of ours in the returned message.
    private static let feedback = """
        From: <abusedesk@example.com>
        Date: Thu, 8 Mar 2005 17:40:36 EDT
        Subject: FW: Earn money
        To: <abuse@example.net>
        MIME-Version: 1.0
        Content-Type: multipart/report; report-type=feedback-report;
             boundary="part1_13d.2e68ed54_boundary"

        --part1_13d.2e68ed54_boundary
        Content-Type: text/plain; charset="US-ASCII"
        Content-Transfer-Encoding: 7bit

        This is an email abuse report for an email message.

        --part1_13d.2e68ed54_boundary
        Content-Type: message/feedback-report

        Feedback-Type: Abuse
        User-Agent: SomeGenerator/1.0
        Version: 1
        Original-Rcpt-To: <user@example.com>

        --part1_13d.2e68ed54_boundary
        Content-Type: message/rfc822
        Content-Disposition: inline

        Received: from mx by example.com with ESMTP id M63d4137594e46
        Received: from app ([192.0.2.1])
        \tby mta.example.net (Waybill) with ESMTP id 1-3k9
        \tfor <user@example.com>; Sat, 21 Nov 2026 09:41:27 +0000
        From: <somespammer@example.net>

        Spam Spam Spam
        --part1_13d.2e68ed54_boundary--
        """

    @Test("RFC 5965 3.1: type, reporter and recipient of a feedback report, and our message's id")
    func complaint() throws {
        for text in [Self.feedback, Self.feedback.replacing("\n", with: "\r\n")] {
            let report = try #require(IncomingReport(Array(text.utf8)))
            #expect(report.kind == .feedback(type: "abuse"))
            #expect(report.reporter == "SomeGenerator/1.0")
            #expect(report.recipient == "user@example.com")
            #expect(report.messages.map(\.description) == ["1-3k9"])
            #expect(report.text.hasPrefix("This is an email abuse report"))
        }
    }

    @Test("RFC 3464 2.3: the recipient that failed, not the one that was delayed")
    func notification() throws {
        let text = """
            Content-Type: multipart/report; boundary=b; report-type=delivery-status

            --b
            Content-Type: message/delivery-status

            Reporting-MTA: dns; mx.example.org

            Final-Recipient: rfc822; slow@example.org
            Action: delayed
            Status: 4.4.1

            Original-Recipient: rfc822;Gone@example.org
            Final-Recipient: rfc822; gone2@example.org
            Action: failed
            Status: 5.1.1 (unknown)
            Diagnostic-Code: smtp; 550 unknown
            --b--
            """
        let report = try #require(IncomingReport(Array(text.utf8)))
        #expect(
            report.kind
                == .deliveryStatus(
                    status: EnhancedStatusCode(5, 1, 1), diagnostic: "550 unknown"))
        #expect(report.recipient == "Gone@example.org" && report.reporter == "mx.example.org")
        #expect(report.messages.isEmpty)
    }

    @Test(
        "What is no report is none",
        arguments: [
            "", "Subject: x\n\nx", "Content-Type: multipart/report\n\n--b",
            "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--",
        ])
    func none(_ text: String) {
        #expect(IncomingReport(Array(text.utf8)) == nil)
    }

    @Test("Cut, changed and repeated reports neither trap nor take long")
    func hostile() {
        let whole = Array(Self.feedback.utf8)
        var random = SeededRandom(seed: 5965)
        for _ in 0..<2000 {
            var octets = Array(whole.prefix(random.below(whole.count + 1)))
            for _ in 0..<random.below(8) where !octets.isEmpty {
                octets[random.below(octets.count)] = UInt8(random.below(256))
            }
            _ = IncomingReport(octets)
        }
        let groups = String(repeating: "a: b\n\n", count: 150_000)
        let many =
            "Content-Type: multipart/report; boundary=b\n\n--b\n"
            + "Content-Type: message/delivery-status\n\n" + groups
        #expect(IncomingReport(Array(many.utf8)) == nil)
        let parts = String(repeating: "--b\n\nx\n", count: 150_000)
        let split = "Content-Type: multipart/report; boundary=b\n\n" + parts
        #expect(IncomingReport(Array(split.utf8)) == nil)
    }
}
