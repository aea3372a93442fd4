import MessageFormat
import Testing
import WaybillTesting

private func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

@Suite("HeaderScan")
struct HeaderScanTests {
    @Test("RFC 5322 2.2: one pass finds fields, Message-ID, Date, Received and the body")
    func onePass() {
        let header =
            "Received: from a\r\n\tby b\r\nreceived: from c by d\r\nDATE: Sat, 21 Nov 2026\r\n"
            + "Message-Id:\r\n <1@example.org>\r\nSubject : odd but legal\r\n\r\n"
        let scan = HeaderScan(octets(header + "Received: not a field\r\n"))
        #expect(scan.fieldCount == 5)
        #expect(scan.receivedCount == 2)
        #expect(scan.hasDate)
        #expect(scan.hasMessageID)
        #expect(scan.messageID == "<1@example.org>")
        #expect(scan.bodyStart == header.utf8.count)
        #expect(scan.problem == nil)
        #expect(!scan.lacksHeader)
        #expect(scan.removals.isEmpty)
    }

    @Test("Tenant and campaign: the first value counts, trimmed; every such field is removed whole")
    func names() {
        let content = octets(
            "X-Tenant:  acme \r\nSubject: a\r\nx-campaign: Spring\r\n\tSale\r\nX-TENANT: other\r\n"
                + "To: b\r\n\r\nX-Tenant: in the body\r\n")
        let scan = HeaderScan(content)
        #expect(scan.tenant == "acme")
        #expect(scan.campaign == "Spring Sale")
        #expect(!scan.hasUnusableTenant && !scan.hasUnusableCampaign)
        #expect(
            scan.removingFields(from: content)
                == octets("Subject: a\r\nTo: b\r\n\r\nX-Tenant: in the body\r\n"))
    }

    @Test(
        "A name with a separator, a control character, 8-bit octets or too many octets is no name",
        arguments: [
            "a:b", "a@b", "a\u{1}b", "caf\u{E9}", String(repeating: "x", count: 129), "a\u{7F}",
        ])
    func unusableNames(name: String) {
        let content = octets("X-Tenant: \(name)\r\n\r\n")
        let scan = HeaderScan(content)
        #expect(scan.tenant == nil)
        #expect(scan.hasUnusableTenant && !scan.hasUnusableCampaign)
        #expect(scan.removingFields(from: content) == octets("\r\n"))
        let campaign = HeaderScan(octets("X-Campaign: \(name)\r\nX-Tenant: a\r\n\r\n"))
        #expect(campaign.hasUnusableCampaign && !campaign.hasUnusableTenant)
        #expect(campaign.campaign == nil && campaign.tenant == "a")
    }

    @Test("The longest name is a name; an empty one is none")
    func nameLimits() {
        let longest = String(repeating: "x", count: MessageLimits.nameOctets)
        #expect(HeaderScan(octets("X-Tenant: \(longest)\r\n\r\n")).tenant == longest)
        let empty = HeaderScan(octets("X-Tenant: \r\nX-Tenant: second\r\n\r\n"))
        #expect(empty.tenant == "second")
        #expect(!empty.hasUnusableTenant)
    }

    @Test("Names of the fields are the operator's; further fields can be removed")
    func rules() {
        let rules = HeaderScanRules(
            tenantField: "Client-Ref", campaignField: "", removing: ["X-Internal"])
        let content = octets("client-ref: a\r\nX-Tenant: b\r\nx-internal: c\r\n\r\n")
        let scan = HeaderScan(content, rules: rules)
        #expect(scan.tenant == "a")
        #expect(scan.campaign == nil)
        #expect(scan.removingFields(from: content) == octets("X-Tenant: b\r\n\r\n"))
        #expect(
            HeaderScan.removeFields(named: ["X-TENANT", "Client-Ref"], from: content)
                == octets("x-internal: c\r\n\r\n"))
    }

    @Test(
        "Content without a header is told from content with one",
        arguments: [
            ("", 0, false), ("\r\nbody", 2, false), ("\nbody", 1, false), ("body\r\n", 0, true),
            (" folded: x\r\n\r\n", 0, true), (": x\r\n", 0, true), ("a b: c\r\n", 0, true),
            ("\r", 0, true),
        ])
    func noHeader(content: String, bodyStart: Int, lacksHeader: Bool) {
        let scan = HeaderScan(octets(content))
        #expect(scan.bodyStart == bodyStart)
        #expect(scan.lacksHeader == lacksHeader)
        #expect(scan.fieldCount == 0)
    }

    @Test(
        "What is kept can have fields put before it",
        arguments: [
            ("body\r\n", "\r\nbody\r\n"), ("\r\nbody", "\r\nbody"), ("", ""),
            ("X-Tenant: a\r\nbody\r\n", "\r\nbody\r\n"), ("X-Tenant: a\r\n", ""),
            ("X-Tenant: a\r\n\r\nbody", "\r\nbody"), ("A: b\r\nbody", "A: b\r\nbody"),
        ])
    func stored(content: String, kept: String) {
        #expect(HeaderScan(octets(content)).stored(octets(content)) == octets(kept))
    }

    @Test("A line that is no field ends the header")
    func garbageInHeader() {
        let scan = HeaderScan(octets("A: b\r\nno field here\r\nX-Tenant: c\r\n\r\n"))
        #expect(scan.bodyStart == 6)
        #expect(scan.tenant == nil)
        #expect(!scan.lacksHeader)
    }

    @Test("A header without end, and one with bare line feeds, are read all the same")
    func lenient() {
        let unfinished = octets("A: b\r\nX-Tenant: c")
        let scan = HeaderScan(unfinished)
        #expect(scan.tenant == "c")
        #expect(scan.bodyStart == unfinished.count)
        #expect(scan.removingFields(from: unfinished) == octets("A: b\r\n"))
        #expect(HeaderScan(octets("A: b\nX-Tenant: c\n d\n\nbody")).tenant == "c d")
    }

    @Test("Too many octets or fields of header are a problem, found without reading further")
    func limits() {
        let field = "X: " + String(repeating: "y", count: 200) + "\r\n"
        let long = String(
            repeating: field, count: 1 + MessageLimits.headerOctets / field.utf8.count)
        #expect(HeaderScan(octets(long + "\r\n")).problem == .tooLong)
        let one = "X: " + String(repeating: "y", count: MessageLimits.headerOctets)
        #expect(HeaderScan(octets(one + "\r\n\r\nbody")).problem == .tooLong)
        let many = String(repeating: "X: y\r\n", count: MessageLimits.headerFields)
        #expect(HeaderScan(octets(many + "\r\n")).problem == nil)
        #expect(HeaderScan(octets(many + "X: y\r\n\r\n")).problem == .tooManyFields)
        let largeBody = octets("A: b\r\n\r\n" + long)
        #expect(HeaderScan(largeBody).problem == nil)
    }

    @Test("A Message-ID that is empty or has control characters is present but has no value")
    func messageID() {
        #expect(HeaderScan(octets("Message-ID:\r\n\r\n")).hasMessageID)
        #expect(HeaderScan(octets("Message-ID:\r\n\r\n")).messageID == nil)
        #expect(HeaderScan(octets("Message-ID: <a\u{0}b@c>\r\n\r\n")).messageID == nil)
        #expect(HeaderScan(octets("X: <a@c>\r\n\r\n")).hasMessageID == false)
    }

    @Test("Whatever the octets: no crash, ranges within the content, and removal leaves no trace")
    func anyOctets() {
        var random = SeededRandom(seed: 20_261_121)
        let pieces = [
            "X-Tenant", ":", " ", "\t", "\r", "\n", "\r\n", "a", "Received", "\u{0}", "é",
            "Date: x",
            "\r\n\r\n", "X-Campaign: ",
        ]
        for _ in 0..<20_000 {
            var content: [UInt8] = []
            for _ in 0..<random.below(30) {
                content.append(contentsOf: octets(random.pick(pieces) ?? ""))
            }
            let scan = HeaderScan(content)
            #expect((0...content.count).contains(scan.bodyStart), "\(content)")
            var end = 0
            for removal in scan.removals {
                #expect(removal.lowerBound >= end && removal.upperBound <= scan.bodyStart)
                end = removal.upperBound
            }
            let left = scan.removingFields(from: content)
            #expect(left.count == content.count - scan.removals.reduce(0) { $0 + $1.count })
        }
    }
}
