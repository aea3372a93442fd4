import MailEvents
import Testing

@testable import Etcd

@Suite("What etcd's gateway is told")
struct EtcdFormTests {
    @Test("base 64 there and back, of every length")
    func base64() {
        #expect(Base64.encode(Array("foobar".utf8)) == "Zm9vYmFy")
        #expect(Base64.encode(Array("fooba".utf8)) == "Zm9vYmE=")
        #expect(Base64.encode(Array("foob".utf8)) == "Zm9vYg==")
        #expect(Base64.encode([]).isEmpty)
        for length in 0..<70 {
            let octets = (0..<length).map { UInt8(truncatingIfNeeded: $0 * 37 + length) }
            #expect(Base64.decode(Base64.encode(octets)) == octets)
        }
        for wrong in ["Zg=", "Zg", "Z", "Zg===", "Z!==", "===="] {
            #expect(Base64.decode(wrong) == nil, "\(wrong)")
        }
    }

    @Test("a transaction names its conditions and entries")
    func transaction() {
        var writer = JSONWriter()
        writer.beginObject()
        EtcdTransaction(
            if: [("/w/leader", .revision(0)), ("/w/epoch", .lease(7_587_848_943_205_738_501))],
            put: [EtcdTransaction.Put("/w/leader", Array("{}".utf8), lease: 12)]
        ).write(&writer)
        writer.endObject()
        #expect(
            writer.text
                == #"{"compare":[{"key":"L3cvbGVhZGVy","result":"EQUAL","target":"MOD","mod_revision":"0"},"#
                + #"{"key":"L3cvZXBvY2g=","result":"EQUAL","target":"LEASE","lease":"7587848943205738501"}],"#
                + #""success":[{"request_put":{"key":"L3cvbGVhZGVy","value":"e30=","lease":"12"}}]}"#
        )
    }

    @Test("a member's hosts, whatever the address looks like")
    func hosts() {
        let member = EtcdMember(
            name: "m", isLearner: false,
            peerURLs: [
                "https://etcd1.example.org:2380", "http://192.0.2.1:2380",
                "http://[2001:db8::1]:2380",
            ])
        #expect(member.hosts == ["etcd1.example.org", "192.0.2.1", "2001:db8::1"])
    }

    @Test("without an endpoint that answers, the last one's reason is told")
    func unavailable() {
        let client = EtcdClient(
            EtcdClient.Settings(
                endpoints: ["http://127.0.0.1:1", "http://127.0.0.1:2"],
                requestMilliseconds: 500))
        let error = #expect(throws: EtcdError.self) { _ = try client.members() }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("127.0.0.1:2") == true)
    }
}
