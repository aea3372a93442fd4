import MailEvents
import MailModel
import Testing

@testable import EventLog
@testable import LogExchange

@Suite("Events as other servers' records")
struct ExporterTests {
    private static let start = EventTime(microseconds: 1_790_000_000_123_456)
    private static let peer = DeliveryPeer(
        host: "mx1.example.org", address: "2001:db8::5", port: 25, sourceAddress: "192.0.2.25",
        tlsVersion: "TLSv1.3", tlsCipher: "TLS_AES_256_GCM_SHA384")
    private static let recipient = RecipientReference(
        message: MessageID(epoch: 1, sequence: 2), number: 1,
        mailbox: Mailbox(localPart: "ann", domain: "example.org"), tenant: "acme",
        campaign: "spring")

    private static let received = MessageReceived(
        reversePath: .mailbox(Mailbox(localPart: "b", domain: "acme.example")), sizeOctets: 4_242,
        contentSHA256: ContentHash.none, recipientCount: 2, tenant: "acme", campaign: "spring",
        envelopeID: "QQ314159",
        session: IngressSession(
            listener: "submission", serverName: "mta1", transmissionType: .esmtpsa,
            clientAddress: "192.0.2.9", clientName: "app1.acme.example"),
        headerMessageID: "<1138@acme.example>", metadata: MessageMetadata([("order", "1138")]))

    private static func recorded(
        _ sequence: UInt64, after seconds: Int64, _ fact: Fact
    )
        -> RecordedEvent
    {
        RecordedEvent(
            sequence: sequence, epoch: 1,
            event: Event(time: start.adding(seconds: seconds), fact: fact))
    }

    private static let reception = [
        recorded(2, after: 0, .received(received)),
        recorded(
            3, after: 0,
            .queued(
                RecipientQueued(
                    recipient: recipient, due: start, originalRecipient: "rfc822;a@example.org"))),
    ]

    private static func bounced(_ saidBy: SaidBy = .remote) -> RecordedEvent {
        recorded(
            4, after: 65,
            .bounced(
                DeliveryBounced(
                    recipient: recipient,
                    attempt: Attempt(
                        number: 2,
                        reply: Reply(
                            550, EnhancedStatusCode(5, 1, 1), "no \"such\" mailbox,\nsorry"),
                        command: "rcpt", peer: peer), class: .invalidRecipient, saidBy: saidBy)))
    }

    private func kumo(_ events: [RecordedEvent]) throws -> [JSONValue] {
        var exporter = KumoExporter(
            logID: [UInt8](0..<16), contexts: MessageContexts { _ in nil })
        var bytes: [UInt8] = []
        for event in events { _ = try exporter.write(event, to: &bytes) }
        return try bytes.split(separator: 0x0A).map { try JSONParser.parse(Array($0)) }
    }

    private func powerMTA(_ events: [RecordedEvent]) throws -> [[String]] {
        var exporter = PowerMTAExporter(contexts: MessageContexts { _ in nil })
        var bytes = exporter.heading
        for event in events { _ = try exporter.write(event, to: &bytes) }
        return bytes.split(separator: 0x0A).map { CSVLine.cells(Array($0)) }
    }

    @Test("A bounce has KumoMTA's members with their shapes")
    func kumoBounce() throws {
        let records = try kumo(Self.reception + [Self.bounced()])
        #expect(records.map { $0["type"].text } == ["Reception", "Bounce"])
        let bounce = records[1]
        #expect(bounce["id"].text == "00000001" + "0000000000000002" + "00000001")
        #expect(bounce["id"] == records[0]["id"])
        #expect(bounce["sender"].text == "b@acme.example")
        #expect(bounce["recipient"].text == "ann@example.org")
        #expect(bounce["queue"].text == "spring:acme@example.org")
        #expect(bounce["site"].text == "mx1.example.org")
        #expect(bounce["size"].number == 4_242)
        #expect(bounce["response"]["code"].number == 550)
        #expect(bounce["response"]["enhanced_code"]["detail"].number == 1)
        #expect(bounce["response"]["content"].text == "no \"such\" mailbox,\nsorry")
        #expect(bounce["response"]["command"].text == "RCPT TO")
        #expect(bounce["peer_address"]["addr"].text == "2001:db8::5")
        #expect(bounce["timestamp"].number == 1_790_000_065)
        #expect(bounce["created"].number == 1_790_000_000)
        #expect(bounce["event_time"].text == "2026-09-21T14:14:25.123456Z")
        #expect(bounce["num_attempts"].number == 1)
        #expect(bounce["bounce_classification"].text == "InvalidRecipient")
        #expect(bounce["source_address"]["address"].text == "192.0.2.25:0")
        #expect(bounce["meta"]["order"].text == "1138")
        #expect(bounce["meta"]["tenant"].text == "acme")
        #expect(bounce["headers"]["Message-ID"].text == "<1138@acme.example>")
        #expect(bounce["delivery_protocol"].text == "ESMTP")
        #expect(bounce["nodeid"].text == "00010203-0405-0607-0809-0a0b0c0d0e0f")
        #expect(bounce["tls_protocol_version"].text == "TLSv1.3")
        #expect(records[0]["site"].text.isEmpty)
        #expect(records[0]["peer_address"]["name"].text == "app1.acme.example")
        #expect(records[0]["delivery_protocol"] == .null)
    }

    @Test("What the administrator or the server said is told apart as KumoMTA does")
    func kumoInternal() throws {
        let admin = try kumo([Self.bounced(.administrator)])[0]
        #expect(admin["type"].text == "AdminBounce")
        #expect(admin["response"]["content"].text.hasPrefix("KumoMTA internal: no "))
        #expect(try kumo([Self.bounced(.suppression)])[0]["type"].text == "Bounce")
        // Nothing is known of a message that the log does not hold.
        #expect(admin["sender"].text.isEmpty)
        #expect(admin["created"] == admin["timestamp"])
    }

    @Test("PowerMTA's columns are in its order, and a record is one line")
    func powerMTABounce() throws {
        let rows = try powerMTA(Self.reception + [Self.bounced()])
        #expect(rows.count == 3)
        #expect(
            rows[0].prefix(23).joined(separator: ",")
                == "type,timeLogged,timeQueued,orig,rcpt,orcpt,dsnAction,dsnStatus,dsnDiag,dsnMta,"
                + "bounceCat,srcType,srcMta,dlvType,dlvSourceIp,dlvDestinationIp,"
                + "dlvEsmtpAvailable,dlvSize,vmta,jobId,envId,queue,vmtaPool")
        let bounce = Dictionary(zip(rows[0], rows[2]), uniquingKeysWith: { $1 })
        #expect(bounce["type"] == "b")
        #expect(bounce["timeLogged"] == "2026-09-21 14:14:25+0000")
        #expect(bounce["timeQueued"] == "2026-09-21 14:13:20+0000")
        #expect(bounce["orcpt"] == "rfc822;a@example.org")
        #expect(bounce["dsnDiag"] == "smtp;550 5.1.1 no \"such\" mailbox, sorry")
        #expect(bounce["dsnMta"] == "mx1.example.org (2001:db8::5)")
        #expect(bounce["bounceCat"] == "bad-mailbox")
        #expect(bounce["srcMta"] == "app1.acme.example (192.0.2.9)")
        #expect(bounce["dlvSourceIp"] == "192.0.2.25")
        #expect(bounce["jobId"] == "spring")
        #expect(bounce["envId"] == "QQ314159")
        #expect(bounce["totalSecondsQueued"] == "65")
        #expect(rows[1][0] == "r")
    }

    @Test("A message that is not remembered is read from the log again")
    func lookUp() throws {
        var asked: [UInt64] = []
        let codec = MailEventCodec(hashSeed: 0)
        var bytes: [UInt8] = []
        codec.encode(
            Self.reception.map(\.event), firstSequence: 2, epoch: 1,
            firstTime: Self.start.microseconds, into: &bytes)
        let header = BatchHeader(
            codec: .none, dictionary: 0, firstSequence: 2, lastSequence: 3, epoch: 1,
            firstTime: Self.start.microseconds, lastTime: Self.start.microseconds,
            rawLength: UInt64(bytes.count), previousHash: ContentHash.none)
        let batch = StoredBatch(header: header, bytes: bytes)
        var contexts = MessageContexts(capacity: 2) {
            asked.append($0)
            return batch
        }
        let context = try contexts.context(of: MessageID(epoch: 1, sequence: 2))
        #expect(context?.received.sizeOctets == 4_242)
        #expect(context?.originalRecipients == [1: "rfc822;a@example.org"])
        _ = try contexts.context(of: MessageID(epoch: 1, sequence: 2))
        #expect(asked == [2])
    }
}

/// Cells of a line of CSV (RFC 4180).
enum CSVLine {
    static func cells(_ line: [UInt8]) -> [String] {
        var cells: [[UInt8]] = [[]]
        var isQuoted = false
        for octet in line {
            switch octet {
            case 0x22:
                // The second quote of a pair stands for one.
                if !isQuoted, !(cells.last ?? []).isEmpty { cells[cells.count - 1].append(0x22) }
                isQuoted.toggle()
            case 0x2C where !isQuoted: cells.append([])
            default: cells[cells.count - 1].append(octet)
            }
        }
        return cells.map { String(decoding: $0, as: UTF8.self) }
    }
}
