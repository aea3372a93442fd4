import EventLog
import HTTPTypes
import Hummingbird
package import MailProjections

/// Reads a command's words (what stands behind the program's name) and gives back how its text is made
/// of the live statistics; nil for a command that is not answered by a running server.
package typealias CommandAnswers =
    @Sendable (_ words: [String]) -> (@Sendable (Statistics) -> String?)?

/// Commands that ask about statistics, answered by the server that has them in memory: reading them
/// from the projection's file takes as long as the file is large. On the control socket only.
///
/// ```
/// C: POST /control/v1/command
/// C: campaign NUL stats NUL spring NUL
/// S: 200, text/plain: what the command prints
/// ```
///
/// Concurrency: value.
struct CommandRoute: Sendable {
    var services: APIServices
    var answers: CommandAnswers

    var routes: [Route] {
        [Route(.post, "/control/v1/command", .role(.admin)) { try await answer($0) }]
    }

    /// Throws 404 for what the command has to find out by itself, 503 while the statistics lack
    /// events that the log has.
    private func answer(_ call: APICall) async throws -> Response {
        let body = try await BodyReader.read(
            call.request, limit: APILimits.orderOctets, share: services.memory.share())
        let words = body.split(separator: 0, omittingEmptySubsequences: false).dropLast()
        guard let make = answers(words.map { String(decoding: $0, as: UTF8.self) }) else {
            throw Problem(.notFound, "This command is not answered here.")
        }
        switch try await looked(make) {
        case .behind:
            throw Problem(.notReady, "The statistics are still being brought up to date.")
        case .withoutAnswer: throw Problem(.notFound, "There is no answer.")
        case .text(let text): return .octets(Array(text.utf8), type: "text/plain")
        }
    }

    /// What one look at the statistics comes to.
    private enum Look {
        /// They lack events that the log has.
        case behind
        case withoutAnswer
        case text(String)
    }

    /// Waits until the statistics have every event that the log has now, so that a command sees what
    /// was answered before it began.
    private func looked(
        _ make: @escaping @Sendable (Statistics) -> String?
    ) async throws -> Look {
        let state = services.state
        let end = try await services.reading { try $0.lastSequence() }
        for _ in 0..<APILimits.commandLooks {
            let look = try await services.reading { _ in
                state.readStatistics { statistics -> Look in
                    guard statistics.lastSequence >= end else { return .behind }
                    return make(statistics).map { .text($0) } ?? .withoutAnswer
                } ?? .behind
            }
            guard case .behind = look else { return look }
            try await Task.sleep(for: .milliseconds(APILimits.commandLookMilliseconds))
        }
        return .behind
    }
}
