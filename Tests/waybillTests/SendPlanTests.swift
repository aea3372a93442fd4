import MailModel
import SMTPProtocol
import Testing
import WaybillTesting

@testable import waybill

@Suite("What waybill send sends")
struct SendPlanTests {
    /// "Grüße" in Latin-1, which is no UTF-8.
    private static let latin: [UInt8] = Array("Subject: x\r\n\r\nGr".utf8) + [0xFC, 0xDF, 0x65]

    private func transaction(_ content: [UInt8]?) throws -> ClientTransaction {
        let plan = SendPlan(
            SendPlan.Settings(
                reversePath: .null, from: "ann@example.org",
                recipients: [Mailbox(localPart: "ben", domain: "example.net")], subject: nil,
                campaign: "", tenant: "", sizeOctets: 0, count: 1, notify: [], content: content,
                madeUpDomain: nil))
        return try #require(plan.next())
    }

    @Test("a file's octets are read as they are, up to the limit")
    func file() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/message"
        try overwrite(path, Self.latin)
        #expect(try TextFile.octets(path, atMost: Self.latin.count) == Self.latin)
        let problem = #expect(throws: FileProblem.self) {
            try TextFile.octets(path, atMost: Self.latin.count - 1)
        }
        #expect(problem?.description == "larger than \(Self.latin.count - 1) octets")
    }

    @Test("RFC 6152 3: content with 8-bit octets is declared, other content is not")
    func eightBit() throws {
        let latin = try transaction(Self.latin)
        #expect(latin.content == Self.latin && latin.envelope.body == .eightBitMIME)
        #expect(try transaction(Array("x\r\n".utf8)).envelope.body == .sevenBit)
        #expect(try transaction(nil).envelope.body == .sevenBit)
    }

    @Test("RFC 5321 2.3.8: every line of a file ends with CRLF; nothing else of it changes")
    func lineEnds() {
        #expect(SendPlan.withLineEnds(Self.latin) == Self.latin + [0x0D, 0x0A])
        #expect(
            SendPlan.withLineEnds(Array("a\n.b\r\n\nc".utf8)) == Array("a\r\n.b\r\n\r\nc\r\n".utf8))
        #expect(SendPlan.withLineEnds([]).isEmpty)
    }
}
