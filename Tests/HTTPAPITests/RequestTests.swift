import EventLog
import HTTPTypes
import MailEvents
import MailModel
import SMTPProtocol
import Testing

@testable import HTTPAPI

@Suite("Requests")
struct RequestTests {
    @Test("RFC 3986: queries are decoded, a malformed escape is refused")
    func query() throws {
        let query = try QueryParameters("a=1&b=x%20y+z&b=%C3%A4&c")
        #expect(try query.one("a") == "1")
        #expect(query.all("b") == ["x y z", "ä"])
        #expect(try query.one("c") == "")
        #expect(throws: Problem.self) { try query.one("b") }
        for bad in ["a=%", "a=%4", "a=%zz", "a=%ff"] {
            #expect(throws: Problem.self) { try QueryParameters(Substring(bad)) }
        }
    }

    @Test("RFC 5321 4.1.2: addresses are mailboxes, with or without brackets")
    func addresses() {
        #expect(AddressText.mailbox("ann@Example.ORG")?.description == "ann@example.org")
        #expect(AddressText.mailbox("<ann@example.org>")?.localPart == "ann")
        #expect(AddressText.mailbox("\"a b\"@example.org") != nil)
        #expect(AddressText.mailbox("jürgen@example.org") != nil)
        for text in [
            "", "ann", "@a:b@c.d", "a@b>", "a@b\r\nRCPT", "a b@c.d", "postmaster", "<>", "a@",
            "a@b> SIZE=1",
        ] { #expect(AddressText.mailbox(text) == nil, "\(text)") }
        #expect(AddressText.reversePath("") == .null)
        #expect(AddressText.reversePath("<>") == .null)
        #expect(AddressText.reversePath("x") == nil)
    }

    @Test("Templates: names get values; what is no name stays")
    func templates() throws {
        let template = Template("{{a}} {{ b.c }} {{{a}}} {{#if}} {{}} {{open")
        #expect(template.names == ["a", "b.c"])
        #expect(template.unsupported == "{{#if}}")
        let values = ["a": "<1>", "b.c": "2"]
        #expect(try template.render(values, .html) == "&lt;1&gt; 2 <1> {{#if}} {{}} {{open")
        #expect(try template.render(values, .none) == "<1> 2 <1> {{#if}} {{}} {{open")
        #expect(throws: RenderingError.missing("b.c")) {
            try template.render(["a": "1"], .none)
        }
        #expect(try Template("{{a}}").render(["a": "x\r\ny"], .header) == "x  y")
        #expect(try Template(literal: "{{a}}").render([:], .none) == "{{a}}")
    }

    @Test("Braces round no name are text, however many there are")
    func manyBraces() throws {
        // Looking for the closing ones anew at each of them would take hours.
        let text = String(repeating: "{{ {{{ ", count: 100_000) + "}} and }}} {{name}}"
        let template = Template(text)
        #expect(template.names == ["name"] && template.unsupported?.hasPrefix("{{ {{{") == true)
        let rendered = try template.render(["name": "Ann"], .none)
        #expect(rendered == text.replacing("{{name}}", with: "Ann"))
    }

    @Test("A body of more values than one may have is 413, however few octets they take")
    func manyValues() async throws {
        let api = try await TestAPI { $0.bodyValues = 1000 }
        func send(_ path: String, elements: Int) async throws -> TestAnswer {
            let zeros = Array(repeating: "0", count: elements).joined(separator: ",")
            return try await api.call(
                .post, path, key: "inject", headers: ["Content-Type": "application/json"],
                body: Array("{\"recipients\":[\(zeros)]}".utf8))
        }
        for path in ["/api/v1/inject", "/api/inject/v1"] {
            // The object, the array and its elements.
            #expect(try await send(path, elements: 998).status == 422, "\(path)")
            let answer = try await send(path, elements: 999)
            #expect(answer.status == 413, "\(path)")
            #expect(answer.json["type"].text == "/docs#too-large")
            #expect(answer.json["detail"].text == "The body has more than 1000 values.")
        }
        #expect(api.services.memory.usedOctets == 0)
    }

    @Test("An unknown path is 404, a wrong method 405 with Allow, HEAD is GET without a body")
    func routing() async throws {
        let api = try await TestAPI()
        #expect(try await api.call(.get, "/nothing").status == 404)
        #expect(try await api.call(.get, "/health/live/").status == 404)
        let wrong = try await api.call(.delete, "/health/live")
        #expect(wrong.status == 405)
        #expect(wrong.headers[.allow] == "GET, HEAD")
        #expect(wrong.json["status"].text == "405")
        let head = try await api.call(.head, "/health/live")
        #expect(head.status == 200)
        #expect(head.octets.isEmpty)
        #expect(head.headers[.contentLength] == "17")
    }

    @Test("Readiness says why")
    func readiness() async throws {
        let api = try await TestAPI()
        #expect(try await api.call(.get, "/health/ready").status == 200)
        api.readiness.set(.starting("the queue is being read"))
        let answer = try await api.call(.get, "/health/ready")
        #expect(answer.status == 503)
        #expect(answer.json["detail"].text == "Not ready: the queue is being read.")
        api.readiness.set(.ready)
        api.log.refuseMessages(EventLogError(.outOfSpace, "x"))
        let full = try await api.call(.get, "/health/ready")
        #expect(full.status == 503)
        #expect(full.json["type"].text == "/docs#out-of-space")
        #expect(try await api.call(.get, "/health/live").status == 200)
    }

    @Test("The documents are there without a key")
    func documents() async throws {
        let api = try await TestAPI()
        let yaml = try await api.call(.get, "/openapi.yaml")
        #expect(yaml.text.hasPrefix("openapi: 3.1.0\n"))
        let page = try await api.call(.get, "/docs")
        #expect(page.text.hasPrefix("<!DOCTYPE html>"))
        for code in Problem.Code.allCases {
            #expect(page.text.contains("id=\"\(code.rawValue)\""), "\(code.rawValue)")
        }
        for route in api.responder.table.routes {
            #expect(yaml.text.contains("\n  \(route.path):\n"), "\(route.path)")
        }
    }
}

extension Template {
    /// The text, however long it becomes.
    fileprivate func render(
        _ values: [String: String], _ escaping: Escaping
    ) throws(RenderingError) -> String {
        var budget = RenderBudget(message: .max, request: .max)
        return try render(values, escaping, &budget)
    }
}
