import HTTPTypes
import MailEvents
import MailModel
import Testing

@testable import HTTPAPI

@Suite("Feedback over HTTP")
struct FeedbackRouteTests {
    private func report(_ id: String) -> String {
        """
        Content-Type: multipart/report; report-type=delivery-status; boundary=b

        --b
        Content-Type: message/delivery-status

        Reporting-MTA: dns; mx.example.org

        Final-Recipient: rfc822; ann@example.org
        Action: failed
        Status: 5.1.1 (no such mailbox)
        Diagnostic-Code: smtp; 550 5.1.1 unknown

        --b
        Content-Type: text/rfc822-headers

        Received: by other.example (Postfix) id 7
        Received: from x by mx.example.org (Waybill) with HTTP id \(id); Sat, 21 Nov 2026

        --b--

        """
    }

    private func send(
        _ api: TestAPI, _ text: String, key: String = "operate"
    ) async throws
        -> TestAnswer
    {
        try await api.call(
            .post, "/api/v1/feedback?suppress=true", key: key,
            headers: ["Content-Type": "message/rfc822"], body: Array(text.utf8))
    }

    @Test("A notification that came back is recorded for the message in it, and suppresses")
    func notification() async throws {
        let api = try await TestAPI()
        let id = try await api.accept("ann@example.org", key: "acme")
        let answer = try await send(api, report(id))
        #expect(answer.status == 200 && answer.json["suppressed"].isTrue)
        #expect(answer.json["tenant"].text == "acme")
        guard case .bouncedLater(let fact) = try api.events()[2].event.fact else {
            Issue.record("not recorded")
            return
        }
        #expect(fact.class == .invalidRecipient && fact.reporter == "mx.example.org")
        #expect(fact.text == "550 5.1.1 unknown")
    }

    @Test("A report about no message of this log, or of another tenant, is answered alike")
    func unknown() async throws {
        let api = try await TestAPI()
        let id = try await api.accept("ann@example.org", key: "acme")
        let foreign = try await send(api, report(id), key: "zeta")
        let missing = try await send(api, report("1-zz"), key: "zeta")
        #expect(foreign.status == 404 && missing.status == 404)
        #expect(foreign.text.replacing(id, with: "1-zz") == missing.text)
        #expect(try await send(api, "Subject: no report\n\nx").status == 422)
        #expect(try api.events().count == 2)
    }

    @Test(
        "A description with mistakes is refused",
        arguments: [
            #"{"kind": "praise", "message_id": "1-1"}"#, #"{"kind": "complaint"}"#,
            #"{"kind": "complaint", "message_id": "1-1", "status": "5.1.1"}"#,
            #"{"kind": "bounce", "message_id": "1-1", "status": "9.9.9"}"#,
            #"{"kind": "bounce", "message_id": "1-1", "recipient": "nobody"}"#,
            #"{"kind": "bounce", "message_id": "1-1", "nonsense": 1}"#,
        ])
    func mistakes(_ body: String) async throws {
        let api = try await TestAPI()
        #expect(try await api.post("/api/v1/feedback", body).status == 422)
    }
}
