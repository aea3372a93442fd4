import EventLog
import HTTPTypes
import Hummingbird
import MailEvents

/// `POST /api/v1/log/seal` and `/compact`: what can be asked of the log's files.
///
/// Concurrency: value.
struct LogRoutes: Sendable {
    var services: APIServices

    var routes: [Route] {
        [
            Route(.post, "/api/v1/log/seal", .role(.admin)) { try await seal($0) },
            Route(.post, "/api/v1/log/compact", .role(.admin)) { try await compact($0) },
        ]
    }

    private func seal(_ call: APICall) async throws -> Response {
        try Self.checkScope(call)
        let first: UInt64?
        do throws(EventLogError) {
            first = try await services.log.seal()
        } catch {
            throw Problem(appending: error)
        }
        // What was sealed just now need not wait for the next look.
        if first != nil { _ = services.state.compact() }
        return .json { writer in
            writer.beginObject()
            defer { writer.endObject() }
            writer.bool(first != nil, "sealed")
            if let first { writer.number(first, "first_sequence") }
        }
    }

    private func compact(_ call: APICall) async throws -> Response {
        try Self.checkScope(call)
        let totals = services.state.compact()
        return .json { writer in
            writer.beginObject()
            defer { writer.endObject() }
            writer.bool(totals != nil, "running")
            guard let totals else { return }
            writer.number(totals.segments, "segments")
            writer.number(totals.octetsBefore, "octets_before")
            writer.number(totals.octetsAfter, "octets_after")
            writer.number(totals.contentsDropped, "contents_dropped")
            writer.number(totals.failures, "failures")
        }
    }

    /// The log's files are everybody's.
    private static func checkScope(_ call: APICall) throws(Problem) {
        guard try call.knownCaller().seesAll else {
            throw Problem(.forbidden, "The log is the whole server's.")
        }
    }
}
