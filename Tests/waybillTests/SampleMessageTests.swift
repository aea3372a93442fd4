import MailModel
import Testing

@testable import waybill

@Suite("Made-up messages")
struct SampleMessageTests {
    private func octets(number: Int = 0, size: Int = 0) -> [UInt8] {
        SampleMessage(
            number: number, from: "shop@example.org", to: "ann@example.net", subject: nil,
            campaign: "spring", tenant: "acme", sizeOctets: size,
            sentAt: EventTime(microseconds: 1_795_259_065_908_648),
            date: "Sat, 21 Nov 2026 11:04:25 +0000"
        ).octets()
    }

    @Test("every line ends in CRLF and is shorter than RFC 5322's 998 octets")
    func lines() {
        let text = octets(size: 5000)
        for (index, byte) in text.enumerated() where byte == 0x0A {
            #expect(text[index - 1] == 0x0D)
        }
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\r\n")
        #expect(lines.allSatisfy { $0.utf8.count <= 998 })
        #expect(text.suffix(2) == [0x0D, 0x0A])
    }

    @Test("campaign and tenant are named in the header, and the size is reached")
    func fields() {
        let text = String(decoding: octets(size: 4096), as: UTF8.self)
        #expect(text.contains("\r\nX-Campaign: spring\r\n"))
        #expect(text.contains("\r\nX-Tenant: acme\r\n"))
        #expect(text.utf8.count >= 4096)
    }

    @Test("the same number gives the same message, another number another one")
    func deterministic() {
        #expect(octets(number: 3) == octets(number: 3))
        #expect(octets(number: 3) != octets(number: 4))
    }
}
