import MessageFormat
import Testing

@Suite("xtext")
struct XTextTests {
    @Test("RFC 3461 4: plus, equals sign and what is not visible are encoded")
    func encode() {
        #expect(XText.encode("a+b=c d\u{7F}".utf8) == "a+2Bb+3Dc+20d+7F")
    }

    @Test("RFC 3461 4: every octet survives encoding and decoding")
    func roundTrip() {
        let all = Array(UInt8.min...UInt8.max)
        let text = XText.encode(all)
        #expect(text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x3D })
        #expect(XText.decode(text) == all)
    }

    @Test(
        "What is not xtext is not decoded",
        arguments: ["a+", "a+2", "a+2b", "a+GG", "a=b", "a b", "a\r\nb", "a\u{7F}"])
    func malformed(text: String) {
        #expect(XText.decode(text) == nil)
    }

    @Test("RFC 6533 3: UTF-8 stands for itself")
    func utf8() {
        #expect(XText.decode("utf-8;jürgen@example.org") == Array("utf-8;jürgen@example.org".utf8))
    }
}
