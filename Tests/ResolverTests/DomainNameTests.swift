import MailModel
import Testing

@testable import Resolver

@Suite("Domain names")
struct DomainNameTests {
    @Test(
        "A name is lower case, without a dot at its end, U-labels as A-labels",
        arguments: [
            ("Example.ORG", "example.org"), ("example.org.", "example.org"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("BÜCHER.Example", "xn--bcher-kva.example"),
            ("straße.example", "xn--strae-oqa.example"), ("例え.example", "xn--r8jz45g.example"),
            ("_dmarc.example.org", "_dmarc.example.org"), ("localhost", "localhost"),
        ])
    func lookupForm(given: String, expected: String) {
        #expect(DomainName.lookupForm(given) == expected)
    }

    @Test(
        "A name that cannot be in the DNS is refused",
        arguments: [
            "", ".", "a..b", ".example.org", "exa mple.org", "a\\.b", "a\u{0}b", "a@b",
            String(repeating: "a", count: 64) + ".org",
            String(repeating: "abcdefg.", count: 32) + "org", "ü\u{0}.org",
        ])
    func refused(name: String) {
        #expect(DomainName.lookupForm(name) == nil)
    }

    @Test("RFC 1035 3.1: labels of the wire form, and what is not that form")
    func wire() {
        #expect(DomainName.read(wire: [2, 0x4D, 0x58, 3, 0x6F, 0x72, 0x67, 0]) == "mx.org")
        #expect(DomainName.read(wire: [0]) == "")
        #expect(DomainName.read(wire: [2, 0x4D, 0x58]) == nil)
        #expect(DomainName.read(wire: [5, 0x4D, 0]) == nil)
        #expect(DomainName.read(wire: [0xC0, 0x0C]) == nil)
        #expect(DomainName.read(wire: [1, 0x4D, 0, 1, 0x4D, 0]) == nil)
    }

    @Test("RFC 1035 3.3.9: an MX record's data")
    func mx() {
        let record = MXRecord([0x01, 0x02, 2, 0x6D, 0x78, 0])
        #expect(record?.preference == 258)
        #expect(record?.host == "mx")
        #expect(MXRecord([0, 0, 0])?.host == "")
        #expect(MXRecord([0, 0]) == nil)
    }

    @Test("A hosts file: comments, several names, both families, odd lines")
    func hostsFile() {
        let entries = HostsFile.parse(
            """
            127.0.0.1 localhost # this machine
            # 192.0.2.9 not.example
            192.0.2.1\tMX.example.org mx
            2001:db8::1 mx.example.org
            nonsense mx.example.org
            192.0.2.1 mx.example.org
            """)
        #expect(entries["localhost"] == [IPAddress(ipv4: 0x7F00_0001)])
        #expect(entries["mx.example.org"]?.map(\.description) == ["192.0.2.1", "2001:db8::1"])
        #expect(entries["mx"]?.count == 1)
        #expect(entries["not.example"] == nil)
    }
}
