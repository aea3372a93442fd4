import HTTPTypes
import MailEvents
import Testing

@testable import HTTPAPI

@Suite("KumoMTA's injection")
struct KumoTests {
    private func send(_ api: TestAPI, _ json: String) async throws -> TestAnswer {
        try await api.call(
            .post, "/api/inject/v1", key: "inject",
            headers: ["Content-Type": "application/json"], body: Array(json.utf8))
    }

    @Test("The shortest request gets the response that its clients expect")
    func shortest() async throws {
        let api = try await TestAPI()
        let answer = try await send(
            api,
            """
            {"envelope_sender": "noreply@example.com", "content": "Subject: hello\\n\\nHello there", \
            "recipients": [{"email": "recipient@example.com"}]}
            """)
        #expect(answer.status == 200)
        #expect(
            answer.text
                == "{\"success_count\":1,\"fail_count\":0,\"failed_recipients\":[],\"errors\":[]}")
        #expect(try api.content() == "Subject: hello\r\n\r\nHello there\r\n")
    }

    @Test("A built message: values, name and email, headers, attachments")
    func built() async throws {
        let api = try await TestAPI()
        let answer = try await send(
            api,
            """
            {"envelope_sender": "noreply@example.com", "template_dialect": "Jinja",
             "deferred_spool": true, "trace_headers": {"received_header": true},
             "substitutions": {"product": "Widget", "count": 3},
             "recipients": [{"email": "ann@example.com", "name": "Ann", "substitutions": {"code": 7},
                             "metadata": {"batch": "1"}},
                            {"email": "ben@example.com"}, {"email": "wrong"}],
             "content": {"from": {"email": "shop@example.com", "name": "The Shop"},
              "subject": "{{ product }} for {{ name }}", "text_body": "Code {{ code }} {{count}}",
              "html_body": "<p>{{email}}</p>", "headers": {"X-Batch": "{{ code }}"},
              "reply_to": {"email": "help@example.com"},
              "attachments": [{"data": "aGVsbG8=", "base64": true, "content_type": "text/plain",
                               "file_name": "hello.txt"}]}}
            """)
        #expect(answer.status == 200)
        #expect(answer.json["success_count"].text == "1")
        #expect(answer.json["fail_count"].text == "2")
        #expect(answer.json["failed_recipients"][0].text == "ben@example.com")
        #expect(answer.json["failed_recipients"][1].text == "wrong")
        guard case .received(let received)? = try api.events().first?.event.fact else { return }
        #expect(received.metadata.pairs.map(\.name) == ["batch"])
        let content = try api.content()
        for line in [
            "From: The Shop <shop@example.com>", "To: Ann <ann@example.com>",
            "Subject: Widget for Ann", "X-Batch: 7", "Reply-To: help@example.com", "Code 7 3",
            "<p>ann@example.com</p>", "aGVsbG8=", " filename=\"hello.txt\"",
        ] { #expect(content.contains("\r\n\(line)\r\n") || content.hasPrefix(line), "\(line)") }
    }

    @Test("Every recipient gets a message of its own")
    func separate() async throws {
        let api = try await TestAPI()
        _ = try await send(
            api,
            """
            {"envelope_sender": "", "content": "Subject: x\\n\\nx", \
            "recipients": [{"email": "a@example.com"}, {"email": "b@example.com"}]}
            """)
        let counts = try api.events().compactMap { event in
            if case .received(let fact) = event.event.fact { fact.recipientCount } else { nil }
        }
        #expect(counts == [1, 1])
    }

    @Test("A template that does more than put values in is refused, and Static means none")
    func dialects() async throws {
        let api = try await TestAPI()
        func request(_ dialect: String, _ text: String) -> String {
            """
            {"envelope_sender": "", "template_dialect": "\(dialect)", \
            "content": "Subject: x\\n\\n\(text)", "recipients": [{"email": "a@example.com"}]}
            """
        }
        for text in ["{{ name | upper }}", "{% if x %}a{% endif %}", "a{# not for them #}b"] {
            #expect(try await send(api, request("Jinja", text)).status == 422)
        }
        #expect(try await send(api, request("Static", "{{ name | upper }}")).status == 200)
        #expect(try api.content().contains("{{ name | upper }}"))
        // Only Jinja has such comments.
        #expect(try await send(api, request("Handlebars", "print{#a{}}")).status == 200)
        #expect(try await send(api, request("Liquid", "x")).status == 422)
    }
}
