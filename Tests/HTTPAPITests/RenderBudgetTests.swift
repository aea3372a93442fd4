import HTTPTypes
import MailEvents
import MailModel
import Testing

@testable import HTTPAPI

@Suite("What is rendered has its bounds")
struct RenderBudgetTests {
    private static func places(_ count: Int) -> String {
        String(repeating: "{{a}}", count: count)
    }

    /// What stops a template, nil when it is rendered, and what is left of the budget then.
    private static func render(
        _ template: Template, _ value: String, _ given: RenderBudget
    ) -> (error: RenderingError?, left: RenderBudget) {
        var budget = given
        do throws(RenderingError) {
            _ = try template.render(["a": value], .html, &budget)
            return (nil, budget)
        } catch {
            return (error, budget)
        }
    }

    @Test("Nothing is put in that there is no room for, in however many places it is to stand")
    func stops() {
        let template = Template(Self.places(200_000))
        let ofMessage = RenderBudget(message: 100, request: 10_000)
        // Six of 16 octets are put in, and the seventh is not.
        for value in ["0123456789abcdef", "<<<<"] {
            let (error, left) = Self.render(template, value, ofMessage)
            #expect(error == .messageTooLarge)
            #expect(left.message == 4)
        }
        let ofRequest = RenderBudget(message: 10_000, request: 100)
        let (error, left) = Self.render(template, "0123456789abcdef", ofRequest)
        #expect(error == .requestTooLarge)
        #expect(left.request == 4)
    }

    @Test("A value counts as many octets as it becomes")
    func escaped() throws {
        let template = Template("<{{a}} {{{a}}}>")
        for escaping in [Template.Escaping.none, .html, .header] {
            var budget = RenderBudget(message: 1000, request: 1000)
            let text = try template.render(["a": "&<>\"'ä\n"], escaping, &budget)
            #expect(text.utf8.count == 1000 - budget.message)
        }
    }

    @Test("A template of nothing but places is not taken apart without end")
    func tooManyPlaces() {
        let budget = RenderBudget(message: .max, request: .max)
        let most = APILimits.templatePieces
        #expect(Self.render(Template(Self.places(most)), "", budget).error == nil)
        let more = Self.render(Template(Self.places(most + 1)), "", budget)
        #expect(more.error == .messageTooLarge)
    }

    @Test("A place for an empty value is work, too, and counts for the request")
    func emptyValues() {
        let template = Template(Self.places(100))
        let enough = 100 * APILimits.templatePieceOctets
        let all = Self.render(template, "", RenderBudget(message: 0, request: enough))
        #expect(all.error == nil)
        let fewer = Self.render(template, "", RenderBudget(message: 0, request: enough - 1))
        #expect(fewer.error == .requestTooLarge)
    }

    @Test("What was rendered for a recipient counts, although it is refused for a value it lacks")
    func refused() throws {
        let planner = InjectionPlanner(
            callerTenant: "", messageOctets: 5000, renderedOctets: 5000)
        func request(recipients: Int) -> InjectionRequest {
            let text = "Subject: x\n\n" + String(repeating: "x", count: 1000) + "{{lacking}}"
            var request = InjectionRequest(
                reversePath: .null,
                recipients: (0..<recipients).map {
                    InjectionRequest.Recipient(address: "r\($0)@example.net")
                },
                content: .raw(Array(text.utf8)))
            request.usesTemplates = true
            return request
        }
        let plan = try planner.plan(request(recipients: 4)) { _ in }
        let outcome = InjectionPlan.Outcome.refused("the substitution \"lacking\" is missing")
        #expect(plan.outcomes == [outcome, outcome, outcome, outcome])
        let problem = #expect(throws: Problem.self) {
            try planner.plan(request(recipients: 5)) { _ in }
        }
        #expect(problem?.code == .tooLarge)
    }

    @Test(
        "A value of nearly 1 MiB is sent once in a message of 1 MiB, and is 413 in a hundred places",
        arguments: [
            ("/api/v1/inject", "sender", "address"),
            ("/api/inject/v1", "envelope_sender", "email"),
        ])
    func large(path: String, sender: String, address: String) async throws {
        let api = try await TestAPI { $0.messageOctets = 1 << 20 }
        let value = String(repeating: "x", count: (1 << 20) - 100)
        func send(_ content: String) async throws -> TestAnswer {
            let json = """
                {"\(sender)": "", "recipients": [{"\(address)": "ann@example.net"}],
                 "substitutions": {"a": "\(value)"}, "content": \(content)}
                """
            return try await api.call(
                .post, path, key: "inject", headers: ["Content-Type": "application/json"],
                body: Array(json.utf8))
        }
        let text = path == "/api/v1/inject" ? "text" : "text_body"
        let from = #"{"\#(address)": "shop@example.org"}"#
        #expect(try await send("\"Subject: x\\n\\n{{a}}\"").status == 200)
        for content in [
            "\"Subject: x\\n\\n\(Self.places(100))\"",
            "{\"from\": \(from), \"\(text)\": \"\(Self.places(100))\"}",
        ] {
            let answer = try await send(content)
            #expect(answer.status == 413)
            #expect(answer.json["detail"].text == "A message is larger than 1048576 octets.")
        }
        #expect(api.services.memory.usedOctets == 0)
    }
}
