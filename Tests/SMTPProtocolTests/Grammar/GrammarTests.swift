import MailModel
import SMTPProtocol
import Testing

@Suite("Grammar of addresses and parameters")
struct GrammarTests {
    @Test(
        "mailboxes without brackets",
        arguments: [
            "a@example.org", "\"a b\"@example.org", "jürgen@bücher.example", "a@[192.0.2.1]",
        ])
    func mailboxes(_ text: String) {
        #expect(Mailbox(text)?.description == text)
        #expect(Mailbox(text)?.needsUTF8 == text.hasPrefix("j"))
    }

    @Test(
        "no mailboxes",
        arguments: [
            "", "a", "@", "a@", "@b", "<a@b>", "a@b ", " a@b", "a b@c", "a@b@c", "a@[1.2.3]",
            "a@b>",
        ])
    func noMailboxes(_ text: String) {
        #expect(Mailbox(text) == nil)
    }

    @Test("RFC 5321 4.5.3.1: lengths of local-part, label and domain at their limits")
    func lengths() {
        func x(_ count: Int) -> String { String(repeating: "x", count: count) }
        #expect(Mailbox("\(x(255))@example.org") != nil)
        #expect(Mailbox("\(x(256))@example.org") == nil)
        #expect(Mailbox("a@\(x(63)).org") != nil)
        #expect(Mailbox("a@\(x(64)).org") == nil)
        let longest = [x(63), x(63), x(63), x(63)].joined(separator: ".")
        #expect(longest.utf8.count == 255)
        #expect(Mailbox("a@\(longest)") != nil)
        #expect(Mailbox("a@\(longest)x") == nil)
        #expect(Mailbox("a@x.\(longest)") == nil)
    }

    @Test("atext is RFC 5322's")
    func atext() {
        let expected = Set(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~".utf8
        )
        for byte in UInt8.min...UInt8.max { #expect(byte.isAtext == expected.contains(byte)) }
    }

    @Test("paths: where the parts lie")
    func paths() {
        let text = "RCPT TO:<@one.example:\"a@b\"@example.org> X=1"
        let bytes = text.utf8.span
        let path = AddressGrammar.path(bytes, at: 8)
        #expect(path.map { bytes.extracting($0.localPart).string } == "\"a@b\"")
        #expect(path.map { bytes.extracting($0.domain).string } == "example.org")
        #expect(path?.end == text.utf8.count - 4)
        #expect(path?.needsUTF8 == false)
        #expect(AddressGrammar.path("<>".utf8.span, at: 0)?.isNull == true)
        #expect(AddressGrammar.path("<postMaster>".utf8.span, at: 0)?.isBarePostmaster == true)
        #expect(AddressGrammar.path("<>".utf8.span, at: 2) == nil)
    }

    @Test("parameters one after the other, to the end of the line")
    func parameters() {
        let text = "  A=b  C-1 \t D=é "
        var reader = ESMTPParameterReader(at: 0)
        #expect(reader.next(in: text.utf8.span) == .parameter(keyword: 2..<3, value: 4..<5))
        #expect(reader.next(in: text.utf8.span) == .parameter(keyword: 7..<10, value: nil))
        #expect(reader.next(in: text.utf8.span) == .parameter(keyword: 13..<14, value: 15..<17))
        #expect(reader.next(in: text.utf8.span) == .end)
        var malformed = ESMTPParameterReader(at: 0)
        #expect(malformed.next(in: "A".utf8.span) == .malformed)
    }

    @Test("relay domains: exact, and below a domain by a leading dot")
    func relayDomains() {
        var rules = RelayRules()
        #expect(!rules.covers(domain: "example.com"))
        rules.domains = ["example.com", ".example.org"]
        #expect(rules.covers(domain: "example.com"))
        #expect(!rules.covers(domain: "a.example.com"))
        #expect(!rules.covers(domain: "example.org"))
        #expect(rules.covers(domain: "a.example.org"))
        #expect(rules.covers(domain: "b.a.example.org"))
        #expect(!rules.covers(domain: "badexample.org"))
    }
}
