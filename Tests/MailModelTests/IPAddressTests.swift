import MailModel
import Testing

@Suite("IP addresses")
struct IPAddressTests {
    @Test(
        "RFC 5952: the text is canonical",
        arguments: [
            ("192.0.2.1", "192.0.2.1"), ("2001:0DB8:0:0:0:0:0:1", "2001:db8::1"), ("::", "::"),
            ("::1", "::1"), ("1::", "1::"), ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
            ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"), ("1:0:0:2:0:0:3:4", "1::2:0:0:3:4"),
            ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
        ])
    func canonicalText(given: String, expected: String) {
        #expect(IPAddress(given)?.description == expected)
    }

    @Test("RFC 4291 2.5.5.2: a mapped IPv4 address is that IPv4 address")
    func mappedAddress() {
        #expect(IPAddress("::ffff:192.0.2.1") == IPAddress("192.0.2.1"))
        #expect(IPAddress("::ffff:192.0.2.1")?.isIPv4 == true)
    }

    @Test(
        "text that is no address is refused",
        arguments: [
            "", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", ":", ":::", "1::2::3",
            "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "g::", "1:2:3:4:5:6:7:", "::1.2.3",
            "1.2.3.4::", "fe80::1%eth0",
        ])
    func noAddress(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test(
        "octets and back are the same address", arguments: ["192.0.2.1", "2001:db8::ff00:42:8329"])
    func octets(text: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.octets.count == address.bitWidth / 8)
        #expect(IPAddress(octets: address.octets) == address)
        #expect(IPAddress(octets: [1, 2, 3]) == nil)
    }

    @Test("RFC 5321 4.1.3: address literals carry the tag for IPv6 and none for IPv4")
    func literals() {
        #expect(IPAddress(literal: "[192.0.2.1]") == IPAddress("192.0.2.1"))
        #expect(IPAddress(literal: "[IPv6:2001:db8::1]") == IPAddress("2001:db8::1"))
        #expect(IPAddress(literal: "[2001:db8::1]") == nil)
        #expect(IPAddress(literal: "[IPv6:192.0.2.1]") == nil)
        #expect(IPAddress(literal: "192.0.2.1") == nil)
    }

    @Test("an IPv6 address is counted with its /64, an IPv4 address alone")
    func countedTogether() {
        #expect(
            IPAddress("2001:db8:1:2:3:4:5:6")?.countedTogether == IPAddress("2001:db8:1:2::"))
        #expect(IPAddress("192.0.2.1")?.countedTogether == IPAddress("192.0.2.1"))
    }
}

@Suite("IP networks")
struct IPNetworkTests {
    @Test(
        "an address is in a network when the prefix agrees",
        arguments: [
            ("192.0.2.0/24", "192.0.2.255", true), ("192.0.2.0/24", "192.0.3.0", false),
            ("0.0.0.0/0", "255.255.255.255", true), ("0.0.0.0/0", "::1", false),
            ("::/0", "2001:db8::1", true), ("::/0", "192.0.2.1", false),
            ("2001:db8::/33", "2001:db8:7fff::1", true),
            ("2001:db8::/33", "2001:db8:8000::1", false),
            ("2001:db8::8/125", "2001:db8::f", true), ("2001:db8::8/125", "2001:db8::10", false),
            ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false),
            ("127.0.0.0/8", "::ffff:127.0.0.1", true),
        ])
    func contains(network: String, address: String, expected: Bool) throws {
        let network = try #require(IPNetwork(network))
        #expect(network.contains(try #require(IPAddress(address))) == expected)
    }

    @Test(
        "what is no network is refused, bits behind the prefix among it",
        arguments: [
            "192.0.2.1/24", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "192.0.2.0/24/8",
            "/24", "2001:db8::1/64", "::/129", "192.0.2.0/ 24", "",
        ])
    func noNetwork(text: String) {
        #expect(IPNetwork(text) == nil)
    }

    @Test("the text is CIDR notation, a single address without a length")
    func text() {
        #expect(IPNetwork("192.0.2.0/24")?.description == "192.0.2.0/24")
        #expect(IPNetwork("2001:db8::1/128")?.description == "2001:db8::1")
    }
}
