import EventLog
import HTTPTypes
import MailProjections
import NIOPosix
import Testing

@testable import HTTPAPI

@Suite("Commands at the control socket")
struct CommandRouteTests {
    private static let path = "/control/v1/command"

    /// Answers `count` with the number of the last event; knows no other command.
    private static let answers: CommandAnswers = { words in
        guard words.first == "count" else { return nil }
        let isSilent = words.count > 1
        return { isSilent ? nil : "\($0.lastSequence)\n" }
    }

    /// An API with an event in its log, and who answers at its control socket.
    private func api() async throws -> (TestAPI, APIResponder) {
        let api = try await TestAPI()
        _ = try await api.inject(
            #"{"sender": "", "recipients": ["a@example.net"], "content": "Subject: x\n\nx"}"#)
        let services = APIServices(
            configuration: api.services.configuration, log: api.log, keys: api.services.keys,
            readiness: api.readiness, state: api.state, folds: api.folds, messages: api.index,
            commands: Self.answers, now: { TestClock.now }, logger: api.services.logger)
        services.readers.start()
        let responder = APIResponder(
            table: RouteTable(services: services, forCommands: true), keys: services.keys,
            everyCaller: .administrator)
        return (api, responder)
    }

    private func ask(
        _ api: TestAPI, _ responder: APIResponder?, _ words: String..., key: String? = nil
    ) async throws -> TestAnswer {
        try await api.call(
            .post, Self.path, key: key, body: words.flatMap { Array($0.utf8) + [0] }, by: responder)
    }

    @Test("A command's text has every event that was in the log before it asked")
    func waits() async throws {
        let (api, responder) = try await api()
        api.state.set(looksBehind: 3)
        let answer = try await ask(api, responder, "count")
        #expect(answer.status == 200)
        #expect(answer.text == "\(try api.log.reader.lastSequence())\n")
        #expect(api.state.looksLeft == 0)
    }

    @Test("A command is told when the statistics do not come to the log's end")
    func behind() async throws {
        let (api, responder) = try await api()
        api.state.set(looksBehind: .max)
        #expect(try await ask(api, responder, "count").status == 503)
        api.state.set(looksBehind: 0)
        api.state.set(isReady: false)
        #expect(try await ask(api, responder, "count").status == 503)
    }

    @Test("What is not answered here is said at once", arguments: ["log", "", "count"])
    func unknown(word: String) async throws {
        let (api, responder) = try await api()
        let answer =
            word == "count"
            ? try await ask(api, responder, word, "silently") : try await ask(api, responder, word)
        #expect(answer.status == 404)
        let nothing = try await api.call(.post, Self.path, body: [], by: responder)
        #expect(nothing.status == 404)
        let long = try await api.call(
            .post, Self.path, body: Array(repeating: 65, count: APILimits.orderOctets + 1),
            by: responder)
        #expect(long.status == 413)
    }

    @Test("The network has no such path, whatever the key")
    func onlyTheSocket() async throws {
        let (api, _) = try await api()
        for key in ["admin", "read", nil] {
            #expect(try await ask(api, nil, "count", key: key).status == 404)
        }
    }
}
