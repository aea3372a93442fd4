import MailModel
import Testing
import WaybillTesting

@testable import waybill

@Suite("What operators read")
struct SupportTests {
    @Test("columns line up, numbers to the right, no blanks at line ends")
    func table() {
        var table = Table(["NAME", ">COUNT", "NOTE"])
        table.add(["a", "1", ""])
        table.add(["longer", "12345", "x"])
        #expect(
            table.lines() == [
                "NAME    COUNT  NOTE",
                "a           1",
                "longer  12345  x",
            ])
    }

    @Test("a short row is filled up")
    func shortRow() {
        var table = Table(["A", "B"])
        table.add(["x"])
        #expect(table.lines().last == "x")
    }

    @Test(
        "sizes keep one decimal place above a kibibyte",
        arguments: [
            (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1_572_864, "1.5 MiB"),
            (1 << 40, "1.0 TiB"), (3 << 50, "3072.0 TiB"),
        ])
    func sizes(octets: Int, text: String) {
        #expect(Human.size(octets) == text)
    }

    @Test(
        "ages show the largest two units",
        arguments: [
            (-5, "0s"), (59, "59s"), (60, "1m"), (3600, "1h"), (11_400, "3h 10m"),
            (86_400, "1d"), (187_200, "2d 4h"),
        ])
    func ages(seconds: Int64, text: String) {
        #expect(Human.age(seconds: seconds) == text)
    }

    @Test("decimals are rounded and padded")
    func decimals() {
        #expect(Human.decimal(1.005, places: 1) == "1.0")
        #expect(Human.decimal(0.06, places: 1) == "0.1")
        #expect(Human.decimal(12.3456, places: 3) == "12.346")
        #expect(Human.decimal(99.5, places: 0) == "100")
        #expect(Human.decimal(-0.25, places: 2) == "-0.25")
    }

    @Test("a peer's control characters never reach the terminal")
    func printable() {
        #expect(EventLine.printable("a\u{1B}[2Jb\r\nc\u{9B}d\u{7F}") == "a [2Jb  c d ")
        #expect(EventLine.printable("grüße ✓") == "grüße ✓")
        #expect(EventLine.printable("\u{80}a\u{9F}\u{A0}") == " a \u{A0}")
        // Nor what would make a line read as another one.
        #expect(EventLine.printable("a\u{202A}\u{202E}b\u{2066}c\u{2069}") == "a  b c ")
    }

    @Test("an address on the command line needs a port; port 0 and IPv6 are fine")
    func addresses() throws {
        let plain = try #require(HostAndPort("127.0.0.1:25"))
        #expect(plain.host == "127.0.0.1" && plain.port == 25)
        let free = try #require(HostAndPort("[::1]:0"))
        #expect(free.host == "::1" && free.port == 0)
        for text in ["", "host", "host:", ":25", "host:99999", "host:x", "::1:25"] {
            #expect(HostAndPort(text) == nil, "\(text)")
        }
    }

    @Test(
        "a secret is the first line of its file, whatever ends the line",
        arguments: ["secret ü", "secret ü\n", "secret ü\r\n", "\r\nsecret ü\r\nmore\r\n"])
    func secret(text: String) throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/password"
        try overwrite(path, Array(text.utf8))
        #expect(try TextFile.secret(path) == "secret ü")
    }

    @Test("SHA-256 of a text is that of FIPS 180-2's first example")
    func digest() {
        #expect(
            Digest.sha256Hex(of: "abc")
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }
}
