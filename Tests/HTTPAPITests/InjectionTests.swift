import EventLog
import HTTPTypes
import MailEvents
import MailModel
import Testing

@testable import HTTPAPI

@Suite("Injection")
struct InjectionTests {
    private static let raw = "From: shop@example.org\nSubject: hello\n\nHello\n"

    @Test("A raw message is durable when it is answered, with its envelope from the query")
    func rawMessage() async throws {
        let api = try await TestAPI()
        let answer = try await api.call(
            .post,
            "/api/v1/inject?sender=bounce@example.org&recipient=ann@Example.NET"
                + "&recipient=ben%2Btag@example.net&campaign=spring&tenant=acme",
            key: "inject", headers: ["Content-Type": "message/rfc822"],
            body: Array(Self.raw.utf8))
        #expect(answer.status == 200)
        #expect(answer.json["accepted"].text == "2")
        let events = try api.events()
        #expect(events.count == 3)
        guard case .received(let received)? = events.first?.event.fact else {
            Issue.record("the first event is not received")
            return
        }
        #expect(received.reversePath.description == "bounce@example.org")
        #expect(received.session.transmissionType == .http)
        #expect(received.session.listener == "http")
        #expect(received.session.clientAddress == "192.0.2.7")
        #expect(received.session.identity == "inject")
        #expect(received.session.serverName == "mx.example.org")
        #expect(received.tenant == "acme")
        #expect(received.campaign == "spring")
        #expect(received.recipientCount == 2)
        #expect(received.suppliedFields == [.messageID, .date])
        #expect(answer.json["results"][1]["recipient_number"].text == "1")
        #expect(
            answer.json["results"][0]["message_id"].text == events[0].messageID?.description)
        guard case .queued(let queued) = events[2].event.fact else {
            Issue.record("the third event is not queued")
            return
        }
        #expect(queued.recipient.mailbox.description == "ben+tag@example.net")
        #expect(queued.recipient.message == events[0].messageID)
        #expect(try api.content() == Self.raw.replacing("\n", with: "\r\n"))
    }

    @Test("The envelope may stand in header fields")
    func envelopeInFields() async throws {
        let api = try await TestAPI()
        let answer = try await api.call(
            .post, "/api/v1/inject", key: "inject",
            headers: [
                "Content-Type": "message/rfc822", "Waybill-Sender": "<>",
                "Waybill-Recipient": "ann@example.net, ben@example.net",
            ], body: Array(Self.raw.utf8))
        #expect(answer.status == 200)
        #expect(answer.json["accepted"].text == "2")
        guard case .received(let received)? = try api.events().first?.event.fact else {
            Issue.record("nothing received")
            return
        }
        #expect(received.reversePath == .null)
    }

    @Test("Bcc, X-Tenant and X-Campaign are taken out of what is stored")
    func removedFields() async throws {
        let api = try await TestAPI()
        let content = "Bcc: secret@example.net\nX-Campaign: spring\nX-Tenant: acme\n" + Self.raw
        let answer = try await api.call(
            .post, "/api/v1/inject?sender=&recipient=ann@example.net", key: "inject",
            headers: ["Content-Type": "message/rfc822"], body: Array(content.utf8))
        #expect(answer.status == 200)
        #expect(try api.content() == Self.raw.replacing("\n", with: "\r\n"))
        guard case .received(let received)? = try api.events().first?.event.fact else { return }
        #expect(received.tenant == "acme")
        #expect(received.campaign == "spring")
    }

    @Test("A message whose X-Campaign holds no usable name is refused, not misattributed")
    func unusableName() async throws {
        let api = try await TestAPI()
        let answer = try await api.call(
            .post, "/api/v1/inject?sender=&recipient=ann@example.net", key: "inject",
            headers: ["Content-Type": "message/rfc822"],
            body: Array(("X-Campaign: a@b\n" + Self.raw).utf8))
        #expect(answer.status == 422)
        #expect(try api.events().isEmpty)
    }

    @Test("A described message for recipients without differences is stored once")
    func oneMessage() async throws {
        let api = try await TestAPI()
        let answer = try await api.inject(
            """
            {"sender": "b@example.org", "recipients": ["ann@example.net", {"address": \
            "ben@example.net", "name": "Ben"}], "content": {"from": "shop@example.org", "to": \
            {"address": "all@example.org", "name": "Everybody"}, "subject": "Hello", "text": \
            "Hi {{name}}"}}
            """)
        #expect(answer.status == 200)
        #expect(try api.events().count == 3)
        let content = try api.content()
        #expect(content.contains("To: Everybody <all@example.org>\r\n"))
        // No values were given, so nothing is put in.
        #expect(content.contains("Hi {{name}}\r\n"))
    }

    @Test("Each recipient's values make a message of its own; a recipient without one is refused")
    func substitutions() async throws {
        let api = try await TestAPI()
        let answer = try await api.inject(
            """
            {"sender": "b@example.org", "substitutions": {"shop": "A & B"}, "recipients": [
             {"address": "ann@example.net", "substitutions": {"first": "Ann\\r\\nBcc: x@y.z"}},
             {"address": "ben@example.net"}, {"address": "no address"}],
             "content": {"from": "shop@example.org", "subject": "For {{first}}",
             "text": "Hi {{first}}", "html": "<p>{{shop}} {{{shop}}}</p>"}}
            """)
        #expect(answer.status == 200)
        #expect(answer.json["accepted"].text == "1")
        #expect(answer.json["refused"].text == "2")
        #expect(answer.json["results"][1]["reason"].text == "the substitution \"first\" is missing")
        #expect(answer.json["results"][2]["status"].text == "refused")
        let content = try api.content()
        #expect(content.contains("Subject: For Ann Bcc: x@y.z\r\n"))
        #expect(!content.contains("\r\nBcc:  x@y.z\r\n\r\nHi"))
        #expect(content.contains("<p>A &amp; B A & B</p>"))
        #expect(content.contains("To: ann@example.net\r\n"))
    }

    @Test("When every recipient is refused the answer is 422 and nothing is in the log")
    func allRefused() async throws {
        let api = try await TestAPI()
        let answer = try await api.inject(
            """
            {"sender": "", "recipients": ["nobody", "@x:a@b.c"], "content": "Subject: x\\n\\nx"}
            """)
        #expect(answer.status == 422)
        #expect(answer.json["results"].count == 2)
        #expect(try api.events().isEmpty)
    }

    @Test("Every mistake of a request is named with its place")
    func mistakes() async throws {
        let api = try await TestAPI()
        let answer = try await api.inject(
            """
            {"sender": "x y", "recipients": [7], "tenant": "a@b", "colour": "red",
             "content": {"subject": 1, "headers": {"Content-Type": "a/b", "X-A": "a\\nb"},
             "attachments": [{"data": "%%%"}]}}
            """)
        #expect(answer.status == 422)
        #expect(answer.headers[.contentType] == "application/problem+json")
        var places: [String] = []
        for index in 0..<answer.json["errors"].count {
            places.append(answer.json["errors"][index]["pointer"].text)
        }
        for place in [
            "/sender", "/recipients/0", "/tenant", "/colour", "/content/subject",
            "/content/headers/Content-Type", "/content/headers/X-A",
            "/content/attachments/0/data", "/content/from", "/content/text",
        ] { #expect(places.contains(place), "\(place) is missing in \(places)") }
    }

    @Test(
        "What is not JSON is 400 with the place of the mistake",
        arguments: ["{", "[]", "{\"a\":1,}"])
    func notJSON(body: String) async throws {
        let api = try await TestAPI()
        let answer = try await api.inject(body)
        #expect(answer.status == 400)
    }

    @Test("A log that refuses is 503 with Retry-After, and nothing is recorded")
    func refusals() async throws {
        let api = try await TestAPI()
        let message = """
            {"sender": "", "recipients": ["a@example.net"], "content": "Subject: x\\n\\nx"}
            """
        for (error, code) in [
            (EventLogError(.outOfSpace, "full"), "out-of-space"),
            (EventLogError(.overloaded, "busy"), "overloaded"),
        ] {
            api.log.refuseMessages(error)
            let answer = try await api.inject(message)
            #expect(answer.status == 503)
            #expect(answer.headers[.retryAfter] != nil)
            #expect(answer.json["type"].text == "/docs#\(code)")
        }
        api.log.refuseMessages(nil)
        api.log.failAppends(EventLogError(.writeFailed, "/secret/path"))
        let answer = try await api.inject(message)
        #expect(answer.status == 503)
        #expect(!answer.text.contains("secret"))
        #expect(try api.events().isEmpty)
        api.log.failAppends(nil)
        #expect(try await api.inject(message).status == 200)
    }

    @Test("A large message is stored in pieces; ids, content and a repeated request are as ever")
    func large() async throws {
        let api = try await TestAPI()
        let line = String(repeating: "0123456789", count: 7) + "\r\n"
        let raw = "Subject: large\r\n\r\n" + String(repeating: line, count: 40_000)
        for _ in 0..<2 {
            let answer = try await api.call(
                .post, "/api/v1/inject?sender=a@example.org&recipient=b@example.net", key: "inject",
                headers: ["Content-Type": "message/rfc822", "Idempotency-Key": "one"],
                body: Array(raw.utf8))
            #expect(answer.status == 200)
            let id = try #require(MessageID(answer.json["results"][0]["message_id"].text))
            let events = try api.events()
            // Header and two pieces; the message, its recipient, the last piece.
            #expect(events.count == 6)
            guard case .received(let received) = events[3].event.fact else {
                Issue.record("no message")
                return
            }
            #expect(events[3].messageID == id)
            #expect(received.contentPieces == [1, 2, 3, 6])
            #expect(received.sizeOctets == raw.utf8.count)
            #expect(try api.content() == raw)
            let content = try await api.call(
                .get, "/api/v1/messages/\(id)/content", key: "read")
            #expect(content.octets == Array(raw.utf8))
        }
        #expect(api.log.reader.verify(codec: MailEventCodec()).isIntact)
    }

    @Test(
        "An attachment of a request with many recipients is stored once, and not for the next one"
    )
    func sharedAttachment() async throws {
        let api = try await TestAPI()
        let data = String(repeating: "QUJD", count: 60_000)
        func request(_ names: [String]) -> String {
            let recipients = names.map {
                "{\"address\":\"\($0)@b.cc\",\"substitutions\":{\"name\":\"\($0)\"}}"
            }
            return """
                {"sender":"s@a.cc","recipients":[\(recipients.joined(separator: ","))],
                 "content":{"from":"s@a.cc","subject":"hi","text":"Dear {{name}}",
                 "attachments":[{"name":"a.pdf","content_type":"application/pdf","data":"\(data)"}]}}
                """
        }
        #expect(try await api.inject(request(["ann", "bob", "eve"])).status == 200)
        #expect(try await api.inject(request(["max"])).status == 200)
        var large = 0
        var names: [[UInt64]] = []
        for event in try api.events() {
            switch event.event.fact {
            case .contentReceived(let piece) where piece.sizeOctets > 200_000: large += 1
            case .received(let fact): names.append(fact.contentPieces)
            default: break
            }
        }
        #expect(large == 1 && names.count == 4)
        let common = names.map { Set($0) }.reduce(Set(names[0])) { $0.intersection($1) }
        #expect(common.count == 1)
        for (number, name) in ["ann", "bob", "eve", "max"].enumerated() {
            let content = try api.content(number)
            #expect(content.contains("Dear \(name)"))
            #expect(content.contains("QUJDQUJDQUJD"))
        }
        #expect(api.log.reader.verify(codec: MailEventCodec()).isIntact)
    }

    @Test("Of several large messages in a request each has its own pieces, and its own tenant's")
    func severalTenants() async throws {
        let api = try await TestAPI()
        let lines = String(
            repeating: "0123456789012345678901234567890123456789\\r\\n", count: 3_000)
        let json = """
            {"sender":"s@a.cc","recipients":[
             {"address":"ann@b.cc","substitutions":{"tenant":"one"}},
             {"address":"bob@b.cc","substitutions":{"tenant":"two"}},
             {"address":"eve@b.cc","substitutions":{"tenant":"one"}}],
             "content":"X-Tenant: {{tenant}}\\r\\nSubject: a\\r\\n\\r\\n\(lines)"}
            """
        let answer = try await api.inject(json)
        #expect(answer.status == 200, "\(answer.text)")
        var tenants: [String] = []
        var bodies: [UInt64] = []
        for event in try api.events() {
            guard case .received(let fact) = event.event.fact else { continue }
            tenants.append(fact.tenant)
            bodies.append(try #require(fact.contentPieces.last))
        }
        #expect(tenants == ["one", "two", "one"])
        #expect(bodies.count == 3 && bodies[0] == bodies[2] && bodies[0] != bodies[1])
        #expect(api.log.reader.verify(codec: MailEventCodec()).isIntact)
    }

    @Test("Limits: body, message and recipients are 413")
    func limits() async throws {
        let api = try await TestAPI {
            $0.bodyOctets = 2000
            $0.messageOctets = 1000
            $0.recipients = 2
        }
        func message(_ size: Int, _ recipients: String) -> String {
            "{\"sender\":\"\",\"recipients\":[\(recipients)],\"content\":\""
                + String(repeating: "x", count: size) + "\"}"
        }
        #expect(try await api.inject(message(900, "\"a@b.cc\"")).status == 200)
        #expect(try await api.inject(message(1100, "\"a@b.cc\"")).status == 413)
        #expect(try await api.inject(message(2100, "\"a@b.cc\"")).status == 413)
        #expect(try await api.inject(message(10, "\"a@b.cc\",\"b@b.cc\"")).status == 200)
        #expect(
            try await api.inject(message(10, "\"a@b.cc\",\"b@b.cc\",\"c@b.cc\"")).status == 413)
        #expect(api.services.memory.usedOctets == 0)
    }

    @Test("A body of another type is 415")
    func mediaType() async throws {
        let api = try await TestAPI()
        let answer = try await api.inject("{}", headers: ["Content-Type": "text/xml"])
        #expect(answer.status == 415)
        let coded = try await api.inject("{}", headers: ["Content-Encoding": "br"])
        #expect(coded.status == 415)
    }
}
