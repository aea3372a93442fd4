import EventLog
import HTTPTypes
import Hummingbird
import MailEvents
import MailModel
import MailProjections
import NIOCore

/// `GET /api/v1/messages/{id}`: everything that happened to a message; and its content.
///
/// Concurrency: value.
struct MessageRoutes: Sendable {
    var services: APIServices

    var routes: [Route] {
        [
            Route(.get, "/api/v1/messages/{id}", .role(.read)) { try await message($0) },
            Route(.get, "/api/v1/messages/{id}/content", .role(.read)) { try await content($0) },
        ]
    }

    private func message(_ call: APICall) async throws -> Response {
        try call.query.allow(["at"])
        let trace = try await trace(call, at: try call.query.point("at"))
        let id = trace.message
        guard case .received(let received)? = trace.events.first?.event.fact else {
            throw Self.unknown(id)
        }
        let hasContent = try await services.reading {
            try $0.hasContent(of: received, at: id.sequence)
        }
        let view = MessageView(trace: trace, hasContent: hasContent)
        return .json { view.write(to: &$0) }
    }

    /// The octets as stored: what is put before them when they are sent (Received, and what
    /// `supplied_fields` names) is not in them. A large message is read while it is written: what turns
    /// out not to be there any more cuts the answer short of its Content-Length.
    private func content(_ call: APICall) async throws -> Response {
        try call.query.allow([])
        let id = try Self.id(call)
        guard let received = try await received(id),
            try call.knownCaller().sees(
                tenant: received.tenant)
        else { throw Self.unknown(id) }
        let gone = Problem(.notFound, "The content of \(id) is no longer kept; its events are.")
        guard received.sizeOctets > ContentPiece.octets, !received.contentPieces.isEmpty else {
            let octets = try await services.reading {
                try $0.content(of: received, at: id.sequence)
            }
            guard let octets else { throw gone }
            return .octets(octets, type: "message/rfc822")
        }
        guard
            try await services.reading({ try $0.hasContent(of: received, at: id.sequence) })
        else { throw gone }
        let services = services
        let body = ResponseBody(contentLength: received.sizeOctets) { writer in
            for piece in received.contentPieces {
                guard let octets = try await services.reading({ try $0.content(of: piece) }) else {
                    throw gone
                }
                try await writer.write(ByteBuffer(bytes: octets))
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: "message/rfc822"], body: body)
    }

    /// The events of a message that the caller may see. A message of another tenant is answered
    /// as one that is not there.
    private func trace(_ call: APICall, at point: LogPoint?) async throws -> MessageTrace {
        let id = try Self.id(call)
        let caller = try call.knownCaller()
        // A look at the first event alone, so that nobody makes the server read for nothing.
        guard let received = try await received(id), caller.sees(tenant: received.tenant),
            let trace = try await services.trace(of: id, at: point)
        else { throw Self.unknown(id) }
        return trace
    }

    private func received(_ id: MessageID) async throws -> MessageReceived? {
        try await services.reading { log in
            guard let batch = try log.batch(containing: id.sequence),
                let event = try batch.events(only: [id.sequence]).first,
                event.messageID == id, case .received(let fact) = event.event.fact
            else { return nil }
            return fact
        }
    }

    private static func id(_ call: APICall) throws(Problem) -> MessageID {
        let text = call.parameters.first ?? ""
        guard let id = MessageID(text) else {
            throw .invalid("id", "That is no message id; one looks like 1-3k9.")
        }
        return id
    }

    private static func unknown(_ id: MessageID) -> Problem {
        Problem(.notFound, "The log has no message \(id).")
    }
}
