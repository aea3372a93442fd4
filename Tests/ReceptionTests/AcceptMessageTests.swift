import EventLog
import MailEvents
import MailModel
import SMTPProtocol
import Testing

@testable import Reception

@Suite("What is appended for a message")
struct AcceptMessageTests {
    private let session = IngressSession(
        listener: "mx", serverName: "mx.example.org", transmissionType: .esmtp)
    private let time = EventTime(microseconds: 1_700_000_000_000_000)

    private func accept(
        _ content: String, mayRelay: Bool = true, userTenant: String = "",
        body: BodyType = .sevenBit,
        change: (inout ListenerPolicy, inout ReceptionConfiguration) -> Void = { _, _ in }
    ) -> Result<AcceptMessage.Accepted, Refusal> {
        var listener = ListenerPolicy(name: "mx", host: "", port: 0)
        var configuration = ReceptionConfiguration(serverName: "x", listeners: [])
        change(&listener, &configuration)
        let accept = AcceptMessage(
            rules: AcceptMessage.Rules(listener: listener, configuration: configuration),
            mayRelay: mayRelay, userTenant: userTenant, session: session, time: time,
            recent: RecentPieces())
        let recipients = [("bob", "example.net"), ("eve", "example.com")].map {
            EnvelopeRecipient(
                mailbox: Mailbox(localPart: $0.0, domain: $0.1), notify: .never,
                originalRecipient: "rfc822;\($0.0)")
        }
        let message = CompletedMessage(
            envelope: Envelope(
                reversePath: .null, recipients: recipients, body: body, smtpUTF8: true,
                returnContent: .full, envelopeID: "e1"),
            content: Array(content.replacing("\n", with: "\r\n").utf8),
            session: ServerSessionFacts(clientName: "c", extended: true))
        return accept.build(message) { [UInt8(truncatingIfNeeded: $0.count)] }
    }

    private func received(_ accepted: AcceptMessage.Accepted) throws -> MessageReceived {
        guard case .received(let fact) = accepted.events[0].fact else {
            throw Refusal(reply: Reply(500, nil, "no received"))
        }
        return fact
    }

    @Test("received comes first, then one queued for each recipient, due at once")
    func events() throws {
        let accepted = try accept("Date: x\nMessage-ID: <1@x>\n\nhi\n").get()
        #expect(accepted.events.count == 3)
        #expect(accepted.events.allSatisfy { $0.time == time })
        let expected = MessageReceived(
            reversePath: .null, sizeOctets: accepted.contents[0].bytes.count,
            contentSHA256: [UInt8(accepted.contents[0].bytes.count)], recipientCount: 2,
            body: .sevenBit,
            smtpUTF8: true, returnContent: .full, envelopeID: "e1", session: session,
            headerMessageID: "<1@x>")
        #expect(accepted.events[0].fact == .received(expected))
        let queued = RecipientQueued(
            recipient: RecipientReference(
                message: .inThisAppend(at: 0), number: 1,
                mailbox: Mailbox(localPart: "eve", domain: "example.com")),
            due: time, notify: .never, originalRecipient: "rfc822;eve")
        #expect(accepted.events[2].fact == .queued(queued))
    }

    @Test("the content is as it came, but for the fields that name tenant and campaign")
    func content() throws {
        let accepted = try accept("x-tenant: a\nSubject: s\nX-CAMPAIGN:\n spring\n\nhi\n").get()
        #expect(
            String(decoding: accepted.contents[0].bytes, as: UTF8.self)
                == "Subject: s\r\n\r\nhi\r\n")
        #expect(try received(accepted).sizeOctets == accepted.contents[0].bytes.count)
        #expect(try received(accepted).contentSHA256 == [UInt8(accepted.contents[0].bytes.count)])
    }

    @Test("a client that may not relay names no tenant, but its fields are removed all the same")
    func untrusted() throws {
        let accepted = try accept(
            "X-Tenant: a\nX-Campaign: c\n\nhi\n", mayRelay: false
        ) { listener, _ in listener.attribution.tenant = "house" }.get()
        #expect(try received(accepted).tenant == "house")
        #expect(try received(accepted).campaign.isEmpty)
        #expect(String(decoding: accepted.contents[0].bytes, as: UTF8.self) == "\r\nhi\r\n")
        let trusted = try accept("X-Tenant: a\n\nhi\n", mayRelay: false) { listener, _ in
            listener.attribution.trustsEverybody = true
        }.get()
        #expect(try received(trusted).tenant == "a")
    }

    @Test("the user's tenant comes before the header's, the header's before the listener's")
    func tenants() throws {
        func tenant(_ content: String, user: String) throws -> String {
            try received(
                try accept(content, userTenant: user) { listener, _ in
                    listener.attribution.tenant = "house"
                }.get()
            ).tenant
        }
        #expect(try tenant("X-Tenant: a\n\n", user: "u") == "u")
        #expect(try tenant("X-Tenant: a\n\n", user: "") == "a")
        #expect(try tenant("Subject: a\n\n", user: "") == "house")
    }

    private func refusal(
        _ content: String, mayRelay: Bool = true, userTenant: String = "",
        change: (inout ListenerPolicy, inout ReceptionConfiguration) -> Void = { _, _ in }
    ) -> String? {
        switch accept(content, mayRelay: mayRelay, userTenant: userTenant, change: change) {
        case .success: nil
        case .failure(let refusal): refusal.reply.description
        }
    }

    @Test(
        "a tenant or campaign field that holds no usable name refuses the message, and names itself",
        arguments: ["a:b", "a@b", "caf\u{E9}", String(repeating: "x", count: 129)])
    func unusableNames(name: String) throws {
        let tenant = try #require(refusal("X-Tenant: \(name)\n\nhi\n"))
        #expect(tenant.hasPrefix("550 5.6.0 X-Tenant is not a usable name"))
        let campaign = try #require(refusal("X-Tenant: a\nx-campaign: \(name)\n\nhi\n"))
        #expect(campaign.hasPrefix("550 5.6.0 X-Campaign is not a usable name"))
        // The one that counts is the first, and that one is wrong.
        #expect(refusal("X-Tenant: \(name)\nX-Tenant: a\n\n") != nil)
        #expect(refusal("X-Tenant: a\nX-Tenant: \(name)\n\n") == nil)
        let chosen = refusal("Client-Ref: \(name)\n\n") { listener, _ in
            listener.attribution.tenantField = "Client-Ref"
        }
        #expect(chosen?.contains("Client-Ref") == true)
    }

    @Test("a field that would not have counted, or is empty, refuses nothing")
    func unusableButOfNoAccount() throws {
        #expect(refusal("X-Tenant: a@b\n\nhi\n", mayRelay: false) == nil)
        #expect(refusal("X-Tenant: a@b\n\nhi\n", userTenant: "acme") == nil)
        #expect(refusal("X-Campaign: a@b\n\nhi\n", userTenant: "acme") != nil)
        #expect(refusal("X-Tenant:\nX-Campaign: \n\nhi\n") == nil)
        let trusting = refusal("X-Tenant: a@b\n\nhi\n", mayRelay: false) { listener, _ in
            listener.attribution.trustsEverybody = true
        }
        #expect(trusting != nil)
    }

    @Test("where the listener says so, an unusable name is ignored and its field removed")
    func unusableIgnored() throws {
        let accepted = try accept("X-Tenant: a@b\nX-Campaign: c:d\n\nhi\n") { listener, _ in
            listener.attribution.refusesUnusableNames = false
            listener.attribution.tenant = "house"
        }.get()
        #expect(try received(accepted).tenant == "house")
        #expect(try received(accepted).campaign.isEmpty)
        #expect(String(decoding: accepted.contents[0].bytes, as: UTF8.self) == "\r\nhi\r\n")
    }

    @Test("other field names can be chosen, and none")
    func fieldNames() throws {
        let accepted = try accept("X-Tenant: a\nX-Client: b\nX-Campaign: c\n\n") { listener, _ in
            listener.attribution.tenantField = "X-Client"
            listener.attribution.campaignField = ""
        }.get()
        #expect(try received(accepted).tenant == "b")
        #expect(try received(accepted).campaign.isEmpty)
        #expect(
            String(decoding: accepted.contents[0].bytes, as: UTF8.self)
                == "X-Tenant: a\r\nX-Campaign: c\r\n\r\n")
    }

    @Test("missing Date and Message-ID are supplied, unless told not to")
    func suppliedFields() throws {
        func supplied(_ content: String, _ supplies: Bool = true) throws -> SuppliedFields {
            try received(
                try accept(content) { $1.suppliesMissingFields = supplies }.get()
            ).suppliedFields
        }
        #expect(try supplied("Subject: x\n\n") == [.messageID, .date])
        #expect(try supplied("Date: x\n\n") == .messageID)
        #expect(try supplied("Date: x\nMessage-ID: <a@b>\n\n") == [])
        #expect(try supplied("Subject: x\n\n", false) == [])
    }

    @Test("RFC 5321 6.3: as many Received fields as the limit are refused")
    func hops() {
        let content = String(repeating: "Received: by x\n", count: 100) + "\n"
        guard case .failure(let refusal) = accept(content) else {
            Issue.record("a looping message was accepted")
            return
        }
        #expect(refusal.reply.description.hasPrefix("554 5.4.6 "))
    }

    @Test("a header without end is refused")
    func endlessHeader() {
        let content = String(
            repeating: "X-Filler: \(String(repeating: "x", count: 900))\n", count: 3000)
        guard case .failure(let refusal) = accept(content) else {
            Issue.record("a header of megabytes was accepted")
            return
        }
        #expect(refusal.reply.isPermanentNegative)
    }

    @Test("SHA-256 of the content, again and again with one context")
    func digest() throws {
        let digest = try #require(ContentDigest())
        for _ in 0..<2 {
            #expect(
                digest.sha256(Array("abc".utf8)).prefix(4) == [0xba, 0x78, 0x16, 0xbf])
            #expect(digest.sha256([]).prefix(4) == [0xe3, 0xb0, 0xc4, 0x42])
        }
    }

    @Test("session names differ and share their beginning")
    func names() {
        let names = SessionNames(start: time)
        let (first, second) = (names.make(), names.make())
        #expect(first != second)
        #expect(first.prefix { $0 != "." } == second.prefix { $0 != "." })
    }

    @Test("a tenant's ack level is added to its listener's, wherever the tenant is named")
    func tenantAckLevel() throws {
        let replicated = AckLevel.replicated(StandbyDemand(standbys: 1, whenAway: .accept))
        let content = "X-Tenant: acme\nSubject: x\n\nHi\n"
        let accepted = try accept(content) { $1.tenantAckLevels["acme"] = replicated }.get()
        #expect(accepted.demand == replicated.demand)
        let other = try accept(content) { $1.tenantAckLevels["zeta"] = replicated }.get()
        #expect(other.demand == nil)
        let strict = AckLevel.replicated(StandbyDemand(standbys: 1, whenAway: .refuse))
        guard
            case .failure(let refusal) = accept(
                content,
                change: {
                    $0.ackLevel = replicated
                    $1.tenantAckLevels["acme"] = strict
                })
        else {
            Issue.record("accepted although no standby follows")
            return
        }
        #expect(refusal.reply == ReceptionReplies.notReplicated)
    }
}
