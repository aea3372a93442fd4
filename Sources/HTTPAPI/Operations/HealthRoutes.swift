import EventLog
import Hummingbird
import MailEvents

/// `/health/live` and `/health/ready`, for supervisors and load balancers.
///
/// Concurrency: value.
struct HealthRoutes: Sendable {
    var services: APIServices

    var routes: [Route] {
        [
            Route(.get, "/health/live", .anyone) { _ in Self.live() },
            Route(.get, "/health/ready", .anyone) { _ in try ready() },
        ].map(\.answeringWithoutLog)
    }

    /// The process answers: nothing else is looked at.
    private static func live() -> Response {
        .json { writer in
            writer.beginObject()
            writer.string("live", "status")
            writer.endObject()
        }
    }

    /// 200 when new messages are taken and sent; else 503 with the reason.
    private func ready() throws -> Response {
        switch services.readiness.state {
        case .starting(let reason): throw Problem(.notReady, "Not ready: \(reason).")
        case .stopping: throw Problem(.notReady, "Not ready: the server is stopping.")
        case .ready: break
        }
        if case .failure(let error) = services.log.acceptance() {
            throw Problem(appending: error)
        }
        return .json { writer in
            writer.beginObject()
            writer.string("ready", "status")
            writer.endObject()
        }
    }
}
